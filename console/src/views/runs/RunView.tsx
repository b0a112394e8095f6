/** One run: what came of it, its graph, its timeline, and of the chosen step what went in and out. */
import { useMemo, useState } from "preact/hooks";
import { useShownMeasure } from "../../app/measures";
import { ApiError, get, pathOf, post, request } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import { parseJson } from "../../api/exact";
import { isUnderWay, useFollowed } from "../../api/follow";
import { loadRun } from "../../api/runs";
import type { Approval, Json, Run, TraceEntry } from "../../api/types";
import { go, linkTo, replaceLink, type Route } from "../../app/router";
import { useCan } from "../../app/session";
import { Graph, type NodeState } from "../../graph/Graph";
import { parseWorkflow, sourceText, type Flow, type FlowEdge } from "../../graph/flow";
import { JsonView } from "../../parts/json";
import { Button, Confirm, Dialog, ErrorBox, Field, LinkButton, Loading, Page, Shown, Status, toast } from "../../parts/pieces";
import { Moment, formatDuration } from "../../parts/time";
import { jsonProblem } from "../../parts/values";
import { t } from "../../texts";
import { MakeTest } from "./MakeTest";
import { NodePanel } from "./NodePanel";
import { Timeline, findEntry, pathOfFailed, topOf } from "./Timeline";
import { triggerWord } from "./words";

interface Version {
  workflow: string | object;
}

export function RunView({ route }: { route: Route }) {
  const id = route.path[1] ?? "";
  const loaded = useData<Run>(`run:${id}`, () => loadRun(id));
  const run = useFollowed(loaded.data, () => void loaded.reload());
  return <Shown of={{ ...loaded, data: run }}>{(data) => <Shell run={data} route={route} reload={loaded.reload} />}</Shown>;
}

function Shell({ run, route, reload }: { run: Run; route: Route; reload: () => Promise<void> }) {
  const isStored = run.version > 0 && Boolean(run.workflow);
  const source = useData<Version>(isStored ? `version:${run.workflow}:${run.version}` : null, () =>
    get<Version>(pathOf`/webhooks/named/${run.workflow}/versions/${String(run.version)}`),
  );
  useShownMeasure("run-view", source.data);
  const hasText = isStored && source.error === undefined;
  const flow = useMemo(
    () => (source.data ? parseWorkflow(sourceText(source.data.workflow)).flow : hasText ? undefined : flowOfTrace(run)),
    [source.data, hasText, run.trace?.length],
  );
  const selected = route.query.get("node") ?? (run.node ? pathOfFailed(run, run.node) : undefined);
  const select = (node: string) => replaceLink(linkTo(["runs", run.run_id], { node }));
  const states = useMemo(() => statesOf(run), [run]);
  const counts = useMemo(() => countsOf(run), [run]);
  const entry = selected === undefined ? undefined : findEntry(run, selected);
  const timeline = useMemo(() => <Timeline run={run} selected={selected} onSelect={select} />, [run, selected]); // not drawn again with the graph
  return (
    <Page
      title={
        <>
          <Status of={run.status} />{" "}
          {isStored ? <a href={linkTo(["workflows", run.workflow])}>{run.workflow}</a> : run.workflow || t("not_stored")}
        </>
      }
      actions={<Actions run={run} reload={reload} />}
    >
      <Facts run={run} />
      {run.error && <Failure run={run} onSelect={select} />}
      <Approvals run={run} reload={reload} />
      <Decisions run={run} reload={reload} />
      <div class="run-parts">
        <section class="panel" aria-label={t("graph")}>
          {flow ? <Graph flow={flow} selected={selected && topOf(selected)} onSelect={select} states={states} counts={counts} /> : <Loading />}
        </section>
        <div class="run-columns">
          <section class="panel" aria-label={t("timeline")}>
            {timeline}
          </section>
          <section class="panel" aria-label={t("step")} aria-live="polite">
            {selected === "input" || (entry === undefined && selected === undefined) ? (
              <Ends run={run} />
            ) : selected === "output" ? (
              <Answer run={run} />
            ) : (
              <NodePanel name={selected!} entry={entry} flow={flow} run={run} />
            )}
          </section>
        </div>
      </div>
    </Page>
  );
}

function Facts({ run }: { run: Run }) {
  return (
    <dl class="facts">
      <div>
        <dt>{t("started")}</dt>
        <dd>
          <Moment at={run.started_at} />
        </dd>
      </div>
      <div>
        <dt>{t("duration")}</dt>
        <dd>{run.duration_ms === undefined ? t("under_way") : formatDuration(run.duration_ms)}</dd>
      </div>
      <div>
        <dt>{t("trigger")}</dt>
        <dd>{triggerWord(run.trigger)}</dd>
      </div>
      {run.version > 0 && (
        <div>
          <dt>{t("version")}</dt>
          <dd>v{run.version}</dd>
        </div>
      )}
      {run.replay_of && (
        <div>
          <dt>{t("replay_of")}</dt>
          <dd>
            <a href={linkTo(["runs", run.replay_of])}>{run.replay_of.slice(-8)}</a>{" "}
            <a href={linkTo(["runs", run.run_id, "compare", run.replay_of])}>{t("compare")}</a>
          </dd>
        </div>
      )}
      {run.retried_by && (
        <div>
          <dt>{t("retried_by")}</dt>
          <dd>
            <a href={linkTo(["runs", run.retried_by])}>{run.retried_by.slice(-8)}</a>
          </dd>
        </div>
      )}
      {run.waits_for && (
        <div>
          <dt>{t("waits_for")}</dt>
          <dd>{run.waits_for}</dd>
        </div>
      )}
      {run.undone && (
        <div>
          <dt>{t("undone")}</dt>
          <dd>{t(run.undone === "complete" ? "undone_complete" : "undone_partial")}</dd>
        </div>
      )}
      <div>
        <dt>{t("run_id")}</dt>
        <dd>
          <code>{run.run_id}</code>
        </dd>
      </div>
    </dl>
  );
}

function Failure({ run, onSelect }: { run: Run; onSelect: (node: string) => void }) {
  const { error } = run;
  if (!error) return null;
  const node = run.node || (typeof error.details?.["node"] === "string" ? error.details["node"] : undefined);
  return (
    <div class="error-box" role="alert">
      <p>
        {node && (
          <>
            <button type="button" class="link" onClick={() => onSelect(pathOfFailed(run, node))}>
              {node}
            </button>
            {": "}
          </>
        )}
        <strong>{error.message}</strong> <code class="faint">{error.code}</code>
      </p>
      {(error.next_actions?.length ?? 0) > 0 && (
        <ul>
          {error.next_actions!.map((action) => (
            <li key={action}>{action}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Actions({ run, reload }: { run: Run; reload: () => Promise<void> }) {
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

export function ErrorDialog({ error, onClose }: { error: ApiError; onClose: () => void }) {
  return (
    <Dialog title={t("not_done")} onClose={onClose}>
      <ErrorBox error={error} />
    </Dialog>
  );
}

/** The id of the run that it has started, also of one that has failed. Raises ApiError of what did not start. */
export async function startRun(path: string, body: unknown): Promise<string | undefined> {
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

function Approvals({ run, reload }: { run: Run; reload: () => Promise<void> }) {
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
function Decisions({ run, reload }: { run: Run; reload: () => Promise<void> }) {
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

/** Nothing is chosen: what came in and what came out. */
function Ends({ run }: { run: Run }) {
  const canRun = useCan("run");
  const given = useData<{ input: Json }>(canRun ? `input:${run.run_id}` : null, () => get(pathOf`/runs/${run.run_id}/input`));
  return (
    <>
      <h2>{t("input")}</h2>
      {run.input !== undefined ? (
        <JsonView value={run.input} root="input" />
      ) : !canRun ? (
        <p class="faint">{t("input_needs_run")}</p>
      ) : given.error ? (
        <p class="faint">{given.error.problem.message}</p>
      ) : (
        given.data && <JsonView value={given.data.input} root="input" />
      )}
      <Answer run={run} />
    </>
  );
}

export function Answer({ run }: { run: Run }) {
  return (
    <>
      <h2>{t("output")}</h2>
      {run.response && (
        <p>
          {t("answered_with")} <code>{run.response.status}</code>
        </p>
      )}
      {run.data !== undefined ? <JsonView value={run.data} /> : <p class="faint">{isUnderWay(run.status) ? t("under_way") : t("no_output")}</p>}
    </>
  );
}

function statesOf(run: Run): Map<string, NodeState> {
  const states = new Map<string, NodeState>();
  for (const entry of run.trace ?? []) states.set(entry.node, { status: entry.status, note: noteOf(entry) });
  return states;
}

function noteOf(entry: TraceEntry): string {
  if (entry.status === "skipped") return "";
  if (entry.iterations) return `×${entry.iterations.success + entry.iterations.failed}`;
  if (entry.rounds) return t("rounds", { count: entry.rounds.count });
  return entry.status === "waiting" ? t("status_waiting") : formatDuration(entry.duration_ms);
}

/** How often something went along an edge, as far as the record tells: 0 if its end did not run. */
function countsOf(run: Run): (edge: FlowEdge) => number | undefined {
  const entries = new Map((run.trace ?? []).map((entry) => [entry.node, entry]));
  return (edge) => {
    if (!run.trace) return undefined;
    const [source, target] = [entries.get(edge.source), entries.get(edge.target)];
    if (source?.status === "skipped" || target?.status === "skipped") return 0;
    if (edge.kind === "failure" && source && source.status !== "failed" && !source.iterations?.failed) return 0;
    if (edge.kind !== "failure" && edge.kind !== "after" && source?.status === "failed" && !source.iterations) return 0;
    const iterations = target?.iterations;
    return iterations ? iterations.success + iterations.failed : source || target ? 1 : undefined;
  };
}

/** Of a run whose text is stored nowhere: its steps, one after the other. */
function flowOfTrace(run: Run): Flow {
  const nodes = new Map((run.trace ?? []).map((entry) => [entry.node, { name: entry.node, component: entry.component }]));
  return { name: run.workflow, nodes, edges: [] };
}
