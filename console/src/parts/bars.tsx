/** The last runs of a workflow as bars: their height is how long they took, their colour how they ended. */
import type { Verdict } from "../api/types";
import { t } from "../texts";

const SHOWN = 20;
const FAILED = ["failed", "lost"];
const ENDED = ["success", ...FAILED];

/** The share of those that failed, and the 95th percentile of how long they took, in milliseconds. */
export function statisticsOf(runs: Verdict[]): { rate?: number; p95?: number } {
  const ended = runs.filter((run) => ENDED.includes(run.status));
  if (ended.length === 0) return {};
  const durations = ended.flatMap((run) => run.duration_ms ?? []).sort((a, b) => a - b);
  return {
    rate: ended.filter((run) => FAILED.includes(run.status)).length / ended.length,
    p95: durations[Math.min(durations.length - 1, Math.ceil(durations.length * 0.95) - 1)],
  };
}

export function Bars({ runs }: { runs: Verdict[] }) {
  const shown = runs.slice(0, SHOWN).reverse();
  const longest = Math.max(1, ...shown.map((run) => run.duration_ms ?? 0));
  const failed = shown.filter((run) => FAILED.includes(run.status)).length;
  return (
    <svg class="bars" width={SHOWN * 5} height="20" role="img" aria-label={t("bars", { count: shown.length, failed })}>
      {shown.map((run, at) => {
        const height = 3 + 16 * Math.sqrt((run.duration_ms ?? 0) / longest);
        return <rect key={run.run_id} class={`bar is-${run.status}`} x={(SHOWN - shown.length + at) * 5} y={20 - height} width="4" height={height} />;
      })}
    </svg>
  );
}
