/** What can be done with a run: retry, replay, cancel, dismiss, compare, make a test of it. */
import { useState } from "preact/hooks";
import { ApiError, get, pathOf, post, request } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import { parseJson } from "../../api/exact";
import { isUnderWay } from "../../api/follow";
import type { Json, Run } from "../../api/types";
import { go, linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { Button, Confirm, Dialog, ErrorBox, Field, LinkButton, toast } from "../../parts/pieces";
import { jsonProblem } from "../../parts/values";
import { t } from "../../texts";
import { MakeTest } from "./MakeTest";

export function Actions({ run, reload }: { run: Run; reload: () => Promise<void> }) {
  const canRun = useCan("run");
  const [dialog, setDialog] = useState<"replay" | "cancel" | "test" | undefined>();
  const begin = useAction(async (path: string, body: object) => {
    const answer = await startRun(path, body);
    forget("/runs");
    if (answer !== undefined) go(linkTo(["runs", answer]));
    else await reload();
  });
  const act = useAction(async (what: string) => {
    await post(`${pathOf`/runs/${run.run_id}`}/${what}`);
    toast(t(what === "cancel" ? "cancel_asked" : "dismissed"));
    await reload();
  });
  const hasFailed = run.status === "failed" || run.status === "lost" || run.status === "cancelled";
  return (
    <>
      {canRun && isUnderWay(run.status) && <Button onClick={() => setDialog("cancel")}>{t("cancel_run")}</Button>}
      {canRun && hasFailed && !run.retried_by && (
        <Button kind="main" busy={begin.isBusy} title={t("retry_hint")} onClick={() => void begin.run(pathOf`/runs/${run.run_id}/retry`, {})}>
          {t("retry")}
        </Button>
      )}
      {canRun && run.dead_until && (
        <Button busy={act.isBusy} title={t("dismiss_hint")} onClick={() => void act.run("dismiss")}>
          {t("dismiss")}
        </Button>
      )}
      {canRun && !isUnderWay(run.status) && <Button onClick={() => setDialog("replay")}>{t("replay")}</Button>}
      {!isUnderWay(run.status) && run.trace && <Button onClick={() => setDialog("test")}>{t("make_test")}</Button>}
      {!isUnderWay(run.status) && <LinkButton href={linkTo(["runs", run.run_id, "compare"])}>{t("compare")}</LinkButton>}
      {begin.error && <ErrorDialog error={begin.error} onClose={begin.clear} />}
      {act.error && <ErrorDialog error={act.error} onClose={act.clear} />}
      {dialog === "replay" && <Replay run={run} onClose={() => setDialog(undefined)} />}
      {dialog === "test" && <MakeTest run={run} onClose={() => setDialog(undefined)} />}
      {dialog === "cancel" && (
        <Confirm
          title={t("cancel_run")}
          text={t("cancel_run_text")}
          action={t("cancel_run")}
          error={act.error}
          onConfirm={() => act.run("cancel")}
          onClose={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

function ErrorDialog({ error, onClose }: { error: ApiError; onClose: () => void }) {
  return (
    <Dialog title={t("not_done")} onClose={onClose}>
      <ErrorBox error={error} />
    </Dialog>
  );
}

/** The id of the run that it has started, also of one that has failed. Raises ApiError of what did not start. */
async function startRun(path: string, body: unknown): Promise<string | undefined> {
  try {
    return (await request("POST", path, body)).run_id as string | undefined;
  } catch (fault) {
    if (fault instanceof ApiError && fault.runId !== undefined) return fault.runId;
    throw fault;
  }
}

function Replay({ run, onClose }: { run: Run; onClose: () => void }) {
  const [from, setFrom] = useState("");
  const [version, setVersion] = useState("original");
  const [text, setText] = useState<string | undefined>();
  const input = useData<{ input: Json }>(`input:${run.run_id}`, () => get(pathOf`/runs/${run.run_id}/input`));
  const shown = text ?? (input.data ? JSON.stringify(input.data.input, null, 2) : "");
  const problem = text === undefined ? undefined : jsonProblem(text);
  const start = useAction(async () => {
    const body = { version, ...(from ? { from } : {}), ...(text === undefined || from ? {} : { input: parseJson(text) }) };
    const id = await startRun(pathOf`/runs/${run.run_id}/replay`, body);
    onClose();
    if (id) go(linkTo(["runs", id]));
  });
  const nodes = (run.trace ?? []).map((entry) => entry.node);
  return (
    <Dialog title={t("replay_run")} onClose={onClose} wide>
      <p>{t("replay_text")}</p>
      <Field label={t("replay_from")} hint={t("replay_from_hint")}>
        {(id) => (
          <select id={id} value={from} onChange={(event) => setFrom(event.currentTarget.value)}>
            <option value="">{t("from_start")}</option>
            {nodes.map((node) => (
              <option key={node}>{node}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("version")}>
        {(id) => (
          <select id={id} value={version} onChange={(event) => setVersion(event.currentTarget.value)}>
            <option value="original">{t("version_original", { version: run.version })}</option>
            <option value="current">{t("version_current")}</option>
          </select>
        )}
      </Field>
      {!from && (
        <Field label={t("input")} hint={problem ?? (input.error ? input.error.problem.message : undefined)}>
          {(id) => (
            <textarea id={id} rows={8} spellcheck={false} value={shown} aria-invalid={problem !== undefined} onInput={(event) => setText(event.currentTarget.value)} />
          )}
        </Field>
      )}
      {start.error && <ErrorBox error={start.error} />}
      <div class="actions is-end">
        <Button onClick={onClose}>{t("cancel")}</Button>
        <Button kind="main" busy={start.isBusy} disabled={problem !== undefined} onClick={() => void start.run()}>
          {t("replay")}
        </Button>
      </div>
    </Dialog>
  );
}
