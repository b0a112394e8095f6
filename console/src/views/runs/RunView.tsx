/** One run: what came of it, its graph, its timeline, and of the chosen step what went in and out. */
import { useMemo } from "preact/hooks";
import { get, pathOf } from "../../api/client";
import { useData } from "../../api/data";
import { isUnderWay, useFollowed } from "../../api/follow";
import { loadRun } from "../../api/runs";
import type { Json, Run } from "../../api/types";
import { useShownMeasure } from "../../app/measures";
import { linkTo, replaceLink, type Route } from "../../app/router";
import { useCan } from "../../app/session";
import { Graph } from "../../graph/Graph";
import { parseWorkflow, sourceText } from "../../graph/flow";
import { JsonView } from "../../parts/json";
import { Loading, Page, Shown, Status } from "../../parts/pieces";
import { Moment, formatDuration } from "../../parts/time";
import { t } from "../../texts";
import { Actions } from "./Actions";
import { Approvals, Decisions } from "./Asked";
import { NodePanel } from "./NodePanel";
import { countsOf, flowOfTrace, statesOf } from "./states";
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
