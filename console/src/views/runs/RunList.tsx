/** The list of runs, live, with its filters in the address. */
import { useEffect, useState } from "preact/hooks";
import { get, queryOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Verdict } from "../../api/types";
import { linkTo, replaceLink, type Route } from "../../app/router";
import { Button, Empty, Page, Shown, Status } from "../../parts/pieces";
import { Moment, formatDuration } from "../../parts/time";
import { t, wordOf } from "../../texts";
import { triggerWord } from "./words";

const PAGE = 50;
const LIVE_MS = 3_000;
const STATUSES = ["success", "failed", "running", "queued", "needs_decision", "cancelled", "lost"];
const TRIGGERS = ["webhook", "name", "schedule", "email", "watch", "failure", "after", "workflow", "execute", "replay"];
const FILTERS = ["workflow", "status", "version", "trigger", "since", "until", "q", "dead"] as const;

interface Listed {
  runs: Verdict[];
  cursor: string | null;
}

export function RunList({ route }: { route: Route }) {
  const filter = Object.fromEntries(FILTERS.map((name) => [name, route.query.get(name) ?? ""]));
  return (
    <Page title={t("runs")}>
      <RunTable filter={filter} onFilter={(next) => replaceLink(linkTo(["runs"], next))} />
    </Page>
  );
}

type Filter = Record<string, string>;

/** Also within a workflow's view, without the filter of the workflow. */
export function RunTable({ filter, onFilter, fixed }: { filter: Filter; onFilter: (filter: Filter) => void; fixed?: string }) {
  const path = (cursor?: string) => `/runs${queryOf({ ...asked(filter), limit: PAGE, cursor })}`;
  const key = path();
  const first = useData<Listed>(key, () => get<Listed>(key), LIVE_MS);
  const [older, setOlder] = useState<{ key: string; runs: Verdict[]; cursor: string | null }>({ key: "", runs: [], cursor: null });
  const [isMore, setMore] = useState(false);
  useEffect(() => setOlder({ key, runs: [], cursor: null }), [key]);

  const hasOlder = older.key === key && older.runs.length > 0;
  const cursor = hasOlder ? older.cursor : (first.data?.cursor ?? null);
  const readOn = async () => {
    if (!cursor) return;
    setMore(true);
    try {
      const next = await get<Listed>(path(cursor));
      setOlder((before) => ({ key, runs: [...(before.key === key ? before.runs : []), ...next.runs], cursor: next.cursor }));
    } finally {
      setMore(false);
    }
  };
  const runs = merge(first.data?.runs ?? [], hasOlder ? older.runs : []);
  const isFiltered = FILTERS.some((name) => filter[name] && name !== fixed);
  return (
    <>
      <Filters filter={filter} onFilter={onFilter} fixed={fixed} />
      <Shown of={first}>
        {() =>
          runs.length === 0 ? (
            <Empty title={isFiltered ? t("no_runs_found") : t("no_runs")}>
              {isFiltered ? <Button onClick={() => onFilter(fixed ? { [fixed]: filter[fixed]! } : {})}>{t("clear_filters")}</Button> : <p>{t("no_runs_next")}</p>}
            </Empty>
          ) : (
            <div class="rows">
              {runs.map((run) => (
                <RunRow key={run.run_id} run={run} showsWorkflow={fixed !== "workflow"} />
              ))}
            </div>
          )
        }
      </Shown>
      {cursor && (
        <div class="more">
          <Button busy={isMore} onClick={() => void readOn()}>
            {t("older_runs")}
          </Button>
        </div>
      )}
    </>
  );
}

/** The newest page is loaded again and again: what has moved on from it stays. */
function merge(newest: Verdict[], older: Verdict[]): Verdict[] {
  const known = new Set(newest.map((run) => run.run_id));
  return [...newest, ...older.filter((run) => !known.has(run.run_id))];
}

function asked(filter: Filter): Filter {
  const moment = (text: string | undefined) => (text ? new Date(text).toISOString() : "");
  return { ...filter, since: moment(filter["since"]), until: moment(filter["until"]) };
}

function Filters({ filter, onFilter, fixed }: { filter: Filter; onFilter: (filter: Filter) => void; fixed?: string }) {
  const [text, setText] = useState(filter["q"] ?? "");
  const [isOpen, setOpen] = useState(Boolean(filter["since"] || filter["until"] || filter["version"] || filter["trigger"]));
  useEffect(() => {
    if (text === (filter["q"] ?? "")) return;
    const timer = window.setTimeout(() => onFilter({ ...filter, q: text }), 250);
    return () => clearTimeout(timer);
  }, [text]);
  const set = (name: string) => (event: Event) => onFilter({ ...filter, [name]: (event.currentTarget as HTMLInputElement).value });
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        data-search
        value={text}
        placeholder={t("search_runs")}
        aria-label={t("search_runs")}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <select aria-label={t("status")} value={filter["status"]} onChange={set("status")}>
        <option value="">{t("any_status")}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {wordOf("status", status)}
          </option>
        ))}
      </select>
      {fixed !== "workflow" && (
        <LateInput type="text" isShort value={filter["workflow"] ?? ""} label={t("workflow")} onChange={set("workflow")} />
      )}
      <Button kind="quiet" pressed={isOpen} onClick={() => setOpen(!isOpen)}>
        {t("more_filters")}
      </Button>
      {isOpen && (
        <div class="filters-more">
          <select aria-label={t("trigger")} value={filter["trigger"]} onChange={set("trigger")}>
            <option value="">{t("any_trigger")}</option>
            {TRIGGERS.map((trigger) => (
              <option key={trigger} value={trigger}>
                {triggerWord(trigger)}
              </option>
            ))}
          </select>
          <LateInput type="number" isShort value={filter["version"] ?? ""} label={t("version")} onChange={set("version")} />
          <label>
            {t("since")} <LateInput type="datetime-local" value={filter["since"] ?? ""} label={t("since")} onChange={set("since")} />
          </label>
          <label>
            {t("until")} <LateInput type="datetime-local" value={filter["until"] ?? ""} label={t("until")} onChange={set("until")} />
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={filter["dead"] === "1"}
              onChange={(event) => onFilter({ ...filter, dead: event.currentTarget.checked ? "1" : "" })}
            />
            {t("dead_letters")}
          </label>
        </div>
      )}
    </form>
  );
}

/** An input that counts when it is left or Enter is pressed. What is typed until then is its own: the list around it is drawn again and again. */
function LateInput({ type, value, label, isShort = false, onChange }: LateInputProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const shared = {
    value: text,
    class: isShort ? "is-short" : undefined,
    placeholder: isShort ? label : undefined,
    "aria-label": label,
    onInput: (event: Event) => setText((event.currentTarget as HTMLInputElement).value),
    onChange,
  };
  if (type === "number") return <input {...shared} type="number" min={0} />;
  return type === "text" ? <input {...shared} type="text" /> : <input {...shared} type="datetime-local" />;
}

interface LateInputProps {
  type: "text" | "number" | "datetime-local";
  value: string;
  label: string;
  isShort?: boolean;
  onChange: (event: Event) => void;
}

export function RunRow({ run, showsWorkflow = true }: { run: Verdict; showsWorkflow?: boolean }) {
  return (
    <a class="row run-row" data-row href={linkTo(["runs", run.run_id])}>
      <Status of={run.status} />
      <span class="row-main">
        {showsWorkflow && <strong>{run.workflow || t("not_stored")}</strong>}
        <span class="faint">
          {run.version > 0 ? `v${run.version} · ` : ""}
          {triggerWord(run.trigger)}
          
        </span>
        {run.error && (
          <span class="row-error">
            {run.node ? `${run.node}: ` : ""}
            {run.error}
          </span>
        )}
      </span>
      <span class="row-side">
        <span class="number">{formatDuration(run.duration_ms)}</span>
        <Moment at={run.started_at} />
      </span>
    </a>
  );
}
