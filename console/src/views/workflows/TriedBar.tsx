/** What came of the last try, above the graph that shows it. */
import type { Run } from "../../api/types";
import { Button } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { t } from "../../texts";

export function TriedBar({ run, onClose }: { run: Run; onClose: () => void }) {
  return (
    <div class={`tried is-${run.status}`} role="status">
      <strong>{t(run.status === "success" ? "tried_success" : "tried_failed")}</strong> <span class="number">{formatDuration(run.duration_ms)}</span>{" "}
      {run.error && (
        <span>
          {run.node ? `${run.node}: ` : ""}
          {run.error.message}
        </span>
      )}{" "}
      {run.run_id && <a href={`#/runs/${encodeURIComponent(run.run_id)}`}>{t("open_run")}</a>}
      <Button kind="quiet" label={t("close")} onClick={onClose}>
        ✕
      </Button>
    </div>
  );
}
