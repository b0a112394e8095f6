"""UsageReport that keeps what it is sent, and refuses what the registry would."""

import asyncio
from collections.abc import Sequence

from arcrun.analytics import UsageRecord, parse_report


class InMemoryReport:
    """`reports` lists the records of each call. `error` is raised instead, if it is set."""

    def __init__(self) -> None:
        self.reports: list[tuple[UsageRecord, ...]] = []
        self.error: Exception | None = None

    async def send(self, records: Sequence[UsageRecord]) -> None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.reports.append(parse_report({"records": [record.to_json() for record in records]}))
