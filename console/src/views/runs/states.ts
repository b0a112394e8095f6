/** A run's trace on its graph: the state of each step, and how often something went along an edge. */
import type { Run, TraceEntry } from "../../api/types";
import type { NodeState } from "../../graph/Graph";
import type { Flow, FlowEdge } from "../../graph/flow";
import { formatDuration } from "../../parts/time";
import { t } from "../../texts";

export function statesOf(run: Run): Map<string, NodeState> {
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
export function countsOf(run: Run): (edge: FlowEdge) => number | undefined {
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
export function flowOfTrace(run: Run): Flow {
  const nodes = new Map((run.trace ?? []).map((entry) => [entry.node, { name: entry.node, component: entry.component }]));
  return { name: run.workflow, nodes, edges: [] };
}
