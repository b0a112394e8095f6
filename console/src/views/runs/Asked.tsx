/** What a run asks of people: approvals, and what to do about a step that a crash cut off. */
import { useState } from "preact/hooks";
import { get, pathOf, post } from "../../api/client";
import { useAction, useData } from "../../api/data";
import { parseJson } from "../../api/exact";
import { isUnderWay } from "../../api/follow";
import type { Approval, Run } from "../../api/types";
import { useCan } from "../../app/session";
import { Button, ErrorBox, Field, Shown, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { jsonProblem } from "../../parts/values";
import { t } from "../../texts";

export function Approvals({ run, reload }: { run: Run; reload: () => Promise<void> }) {
  const asks = isUnderWay(run.status) && (run.trace ?? []).some((entry) => entry.status === "waiting" && entry.component === "approve");
  const asked = useData<{ approvals: Approval[] }>(asks ? `approvals:${run.run_id}:${run.trace?.length}` : null, () =>
    get(pathOf`/runs/${run.run_id}/approvals`),
  );
  if (!asks) return null;
  return (
    <Shown of={asked}>
      {({ approvals }) => (
        <>
          {approvals.map((approval) => (
            <ApprovalCard key={approval.node} run={run} approval={approval} onDone={() => void asked.reload().then(reload)} />
          ))}
        </>
      )}
    </Shown>
  );
}

function ApprovalCard({ run, approval, onDone }: { run: Run; approval: Approval; onDone: () => void }) {
  const canRun = useCan("run");
  const [comment, setComment] = useState("");
  const decide = useAction(async (choice: string) => {
    await post(pathOf`/runs/${run.run_id}/approvals/${approval.node}`, { choice, comment });
    toast(t("decided", { choice }));
    onDone();
  });
  return (
    <section class="card approval" aria-label={approval.title}>
      <h2>{approval.title}</h2>
      <p class="pre">{approval.text}</p>
      <p class="faint">
        {t("asked_of")}: {approval.approvers.join(", ")}
      </p>
      {decide.error && <ErrorBox error={decide.error} />}
      {canRun && (
        <>
          <Field label={t("comment")}>
            {(id) => <input id={id} type="text" value={comment} onInput={(event) => setComment(event.currentTarget.value)} />}
          </Field>
          <div class="actions">
            {approval.choices.map((choice, at) => (
              <Button key={choice} kind={at === 0 ? "main" : "plain"} busy={decide.isBusy} onClick={() => void decide.run(choice)}>
                {choice}
              </Button>
            ))}
          </div>
        </>
      )}
    </section>
  );
}

/** Steps with `once` that a crash cut off: nobody knows whether they were done. */
export function Decisions({ run, reload }: { run: Run; reload: () => Promise<void> }) {
  const canRun = useCan("run");
  const [data, setData] = useState("{}");
  const decide = useAction(async (node: string, decision: "retry" | "skip") => {
    await post(pathOf`/runs/${run.run_id}/decisions/${node}`, decision === "retry" ? { decision } : { decision, data: parseJson(data) });
    await reload();
  });
  if (!run.decisions?.length) return null;
  return (
    <>
      {run.decisions.map(({ node, asked_at }) => (
        <section key={node} class="card approval">
          <h2>{t("decision_needed", { node })}</h2>
          <p>{t("decision_text")}</p>
          <p class="faint">
            <Moment at={asked_at} />
          </p>
          {decide.error && <ErrorBox error={decide.error} />}
          {canRun && (
            <>
              <Field label={t("decision_data")} hint={jsonProblem(data)}>
                {(id) => <textarea id={id} rows={3} value={data} onInput={(event) => setData(event.currentTarget.value)} />}
              </Field>
              <div class="actions">
                <Button kind="main" busy={decide.isBusy} onClick={() => void decide.run(node, "retry")}>
                  {t("decision_retry")}
                </Button>
                <Button busy={decide.isBusy} disabled={jsonProblem(data) !== undefined} onClick={() => void decide.run(node, "skip")}>
                  {t("decision_skip")}
                </Button>
              </div>
            </>
          )}
        </section>
      ))}
    </>
  );
}
