/** All workflows: how their last runs went, when they run next. */
import { useMemo, useState } from "preact/hooks";
import { getAll } from "../../api/client";
import { peek, useData } from "../../api/data";
import { loadRecent, type Recent } from "../../api/recent";
import type { Schedule, Verdict, WorkflowHead } from "../../api/types";
import { linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { Bars, statisticsOf } from "../../parts/bars";
import { Empty, LinkButton, Page, Shown } from "../../parts/pieces";
import { Moment, formatDuration } from "../../parts/time";
import { ownOf } from "../../parts/values";
import { t } from "../../texts";

const SHOWN = 50;
const LIVE_MS = 15_000; // runs
const SLOW_MS = 60_000; // what people change

export const loadWorkflows = (): Promise<WorkflowHead[]> => getAll<WorkflowHead>("/webhooks", "workflows");
export const loadSchedules = (): Promise<Schedule[]> => getAll<Schedule>("/schedules", "schedules");

export function WorkflowList() {
  const canPush = useCan("push");
  const heads = useData("workflows", loadWorkflows, SLOW_MS);
  const schedules = useData("schedules", loadSchedules, SLOW_MS);
  const [text, setText] = useState("");
  const [most, setMost] = useState(SHOWN);
  const found = useMemo(() => search(heads.data ?? [], text), [heads.data, text]);
  const shown = found.slice(0, most);
  const recent = useData<Recent>("recent", () => loadRecent(peek("recent")), LIVE_MS);
  const next = useMemo(() => nextTimes(schedules.data ?? []), [schedules.data]);
  return (
    <Page title={t("workflows")} actions={canPush && <LinkButton kind="main" href={linkTo(["new"])}>{t("new_workflow")}</LinkButton>}>
      <Shown of={heads}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t("no_workflows")}>
              <p>{t("no_workflows_next")}</p>
              {canPush && <LinkButton kind="main" href={linkTo(["new"])}>{t("from_template")}</LinkButton>}
              <pre>acr new greet && acr push greet.yaml</pre>
            </Empty>
          ) : (
            <>
              <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
                <input
                  type="search"
                  data-search
                  value={text}
                  placeholder={t("search_workflows", { count: all.length })}
                  aria-label={t("search_workflows", { count: all.length })}
                  onInput={(event) => setText(event.currentTarget.value)}
                />
              </form>
              {found.length === 0 && <Empty title={t("nothing_found")} />}
              <div class="rows">
                {shown.map((head) => (
                  <WorkflowRow key={head.name} head={head} runs={recent.data && (ownOf(recent.data.runs, head.name) ?? [])} next={next.get(head.name)} />
                ))}
              </div>
              {found.length > most && (
                <div class="more">
                  <button type="button" class="button is-plain" onClick={() => setMost(most + 4 * SHOWN)}>
                    {t("more_of", { count: found.length - most })}
                  </button>
                </div>
              )}
            </>
          )
        }
      </Shown>
    </Page>
  );
}

function search(heads: WorkflowHead[], text: string): WorkflowHead[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return heads.filter((head) => words.every((word) => `${head.name} ${head.file ?? ""}`.toLowerCase().includes(word)));
}

function nextTimes(schedules: Schedule[]): Map<string, string> {
  const times = new Map<string, string>();
  for (const schedule of schedules) {
    const at = schedule.paused ? undefined : schedule.next[0]?.utc;
    const known = times.get(schedule.workflow);
    if (at && (known === undefined || at < known)) times.set(schedule.workflow, at);
  }
  return times;
}

function WorkflowRow({ head, runs, next }: { head: WorkflowHead; runs?: Verdict[]; next?: string }) {
  const { rate, p95 } = statisticsOf(runs ?? []);
  return (
    <a class="row workflow-row" data-row href={linkTo(["workflows", head.name])}>
      <span class="row-main">
        <strong>{head.name}</strong>
        <span class="faint">
          v{head.version}
          {head.file && head.file !== `${head.name}.yaml` ? ` · ${head.file}` : ""}
          {head.paused ? ` · ${t("paused")}` : ""}
        </span>
      </span>
      <Bars runs={runs ?? []} />
      <span class="row-side">
        <span title={t("error_rate")} class={rate !== undefined && rate > 0 ? "row-error" : "faint"}>
          {rate === undefined ? "" : t("failed_share", { share: `${Math.round(rate * 100)} %` })}
        </span>
        <span title={t("p95_hint")} class="number faint">
          {p95 === undefined ? "" : `p95 ${formatDuration(p95)}`}
        </span>
        <span>
          {next ? (
            <span class="faint">
              {t("next")} <Moment at={next} />
            </span>
          ) : runs?.[0] ? (
            <Moment at={runs[0].started_at} />
          ) : (
            <span class="faint">{runs ? t("no_runs_yet") : ""}</span>
          )}
        </span>
      </span>
    </a>
  );
}
