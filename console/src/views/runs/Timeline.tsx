/** The steps of a run over its time: attempts, waits, loops folded to a count, sub-workflows inside. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Run, TraceEntry } from "../../api/types";
import { Button, Status } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { t } from "../../texts";

interface Row {
  entry: TraceEntry;
  path: string;
  depth: number;
  hasInner: boolean;
  isUndo: boolean;
}

const SEPARATOR = " › ";
const SHOWN = 300;

const innerOf = (entry: TraceEntry): TraceEntry[] =>
  Array.isArray(entry.trace) ? entry.trace : (entry.rounds?.trace.map((round) => ({ ...round, node: t("round", { number: round.round }) })) ?? []);

/** The entry by its path, `outer › inner`. */
export function findEntry(run: Run, path: string): TraceEntry | undefined {
  let entries = [...(run.trace ?? []), ...(run.undos ?? [])];
  let found: TraceEntry | undefined;
  for (const name of path.split(SEPARATOR)) {
    found = entries.find((entry) => nameOf(entry) === name);
    if (!found) return undefined;
    entries = innerOf(found);
  }
  return found;
}

/** The path of the step that has failed the run: it may lie in a sub-workflow or in a round, whose name alone says little. */
export function pathOfFailed(run: Run, node: string): string {
  const find = (entries: TraceEntry[], above: string): string | undefined => {
    for (const entry of entries) {
      if (entry.status !== "failed") continue;
      const path = above + nameOf(entry);
      const inside = find(innerOf(entry), path + SEPARATOR);
      if (inside !== undefined) return inside;
      if (entry.node === node) return path;
    }
    return undefined;
  };
  return find(run.trace ?? [], "") ?? node;
}

/** The step of the workflow itself that a path begins with. */
export const topOf = (path: string): string => path.split(SEPARATOR)[0]!.replace(/\[[\d,]*\]$/, "");

/** What lies around a path: what must be open so that it is seen. */
function aroundOf(path: string | undefined): string[] {
  const names = path?.split(SEPARATOR) ?? [];
  return names.slice(0, -1).map((_, at) => names.slice(0, at + 1).join(SEPARATOR));
}

const nameOf = (entry: TraceEntry): string => (entry.index ? `${entry.node}[${entry.index.join(",")}]` : entry.node);

function rowsOf(entries: TraceEntry[], opened: Set<string>, depth: number, above: string, isUndo: boolean): Row[] {
  return entries.flatMap((entry) => {
    const path = above + nameOf(entry);
    const inner = innerOf(entry);
    const own: Row = { entry, path, depth, hasInner: inner.length > 0, isUndo };
    return opened.has(path) ? [own, ...rowsOf(inner, opened, depth + 1, path + SEPARATOR, isUndo)] : [own];
  });
}

export function Timeline({ run, selected, onSelect }: { run: Run; selected?: string; onSelect: (path: string) => void }) {
  const [opened, setOpened] = useState(() => new Set(aroundOf(selected)));
  useEffect(() => {
    const around = aroundOf(selected).filter((path) => !opened.has(path));
    if (around.length > 0) setOpened(new Set([...opened, ...around]));
  }, [selected]);
  const [showsSkipped, setShowsSkipped] = useState(false);
  const [most, setMost] = useState(SHOWN);
  const trace = run.trace ?? [];
  const skipped = trace.filter((entry) => entry.status === "skipped").length;
  const rows = useMemo(
    () => [
      ...rowsOf(showsSkipped ? trace : trace.filter((entry) => entry.status !== "skipped"), opened, 0, "", false),
      ...rowsOf(run.undos ?? [], opened, 0, "", true),
    ],
    [trace, run.undos, opened, showsSkipped],
  );
  const wholeMs = Math.max(run.duration_ms ?? 0, ...rows.map(({ entry }) => entry.start_ms + entry.duration_ms), 1);
  const toggle = (path: string) => {
    const next = new Set(opened);
    if (!next.delete(path)) next.add(path);
    setOpened(next);
  };
  if (trace.length === 0) return <p class="faint">{t("no_trace")}</p>;
  return (
    <div class="timeline">
      <h2>{t("timeline")}</h2>
      <ol>
        {rows.slice(0, most).map((row) => (
          <TimelineRow key={`${row.isUndo}${row.path}`} row={row} wholeMs={wholeMs} isOpen={opened.has(row.path)} isSelected={row.path === selected} onSelect={onSelect} onToggle={toggle} />
        ))}
      </ol>
      {rows.length > most && <Button onClick={() => setMost(most + SHOWN)}>{t("more_of", { count: rows.length - most })}</Button>}
      {skipped > 0 && (
        <Button kind="quiet" pressed={showsSkipped} onClick={() => setShowsSkipped(!showsSkipped)}>
          {t("skipped_steps", { count: skipped })}
        </Button>
      )}
    </div>
  );
}

interface RowProps {
  row: Row;
  wholeMs: number;
  isOpen: boolean;
  isSelected: boolean;
  onSelect: (path: string) => void;
  onToggle: (path: string) => void;
}

function TimelineRow({ row, wholeMs, isOpen, isSelected, onSelect, onToggle }: RowProps) {
  const { entry, path, depth } = row;
  const left = (entry.start_ms / wholeMs) * 100;
  const width = Math.max(0.6, (entry.duration_ms / wholeMs) * 100);
  const notes = [
    entry.attempts > 1 && !entry.iterations ? t("attempts", { count: entry.attempts }) : "",
    entry.iterations ? `×${entry.iterations.success + entry.iterations.failed}` : "",
    entry.iterations?.failed ? t("failed_count", { count: entry.iterations.failed }) : "",
    entry.rounds ? t("rounds", { count: entry.rounds.count }) : "",
    entry.taken_over ? t("taken_over") : "",
    row.isUndo ? t("undo") : "",
  ].filter(Boolean);
  return (
    <li class={isSelected ? "is-selected" : undefined} style={{ "--depth": depth }}>
      {row.hasInner ? (
        <button type="button" class="json-toggle" aria-expanded={isOpen} aria-label={t("inside", { name: entry.node })} onClick={() => onToggle(path)}>
          {isOpen ? "▾" : "▸"}
        </button>
      ) : (
        <span class="json-toggle" />
      )}
      <button type="button" class="timeline-row" data-row aria-pressed={isSelected} onClick={() => onSelect(path)}>
        <span class="timeline-name">
          <Status of={entry.status} bare /> {nameOf(entry)}
          {notes.length > 0 && <span class="faint"> {notes.join(" · ")}</span>}
        </span>
        <span class="timeline-track" aria-hidden="true">
          <span class={`timeline-bar is-${entry.status}`} style={{ left: `${left}%`, width: `${Math.min(width, 100 - left)}%` }} />
        </span>
        <span class="number">{entry.status === "skipped" ? "–" : entry.status === "waiting" ? t("status_waiting") : formatDuration(entry.duration_ms)}</span>
      </button>
    </li>
  );
}
