"""A component's statistics, as they are shown."""

from dataclasses import dataclass
from typing import Any

from arcrun.analytics.histogram import duration_of


@dataclass(frozen=True)
class ComponentStatistics:
    """`p95_bucket` is that of the shortest duration that 95 % of the runs do not exceed; None without a run."""

    total_runs: int = 0
    successes: int = 0
    duration_sum_ms: float = 0
    p95_bucket: int | None = None

    def to_json(self) -> dict[str, Any]:
        """{"total_runs", "success_rate" (0 to 1), "avg_duration_ms", "p95_duration_ms"}; null where nothing has run."""
        runs = self.total_runs
        return {
            "total_runs": runs,
            "success_rate": round(self.successes / runs, 4) if runs else None,
            "avg_duration_ms": round(self.duration_sum_ms / runs, 3) if runs else None,
            "p95_duration_ms": None if self.p95_bucket is None else round(duration_of(self.p95_bucket), 3),
        }
