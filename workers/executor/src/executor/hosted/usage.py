"""What a tenant takes of its limits, as far as it is counted somewhere."""

from arcrun.accounts.limits import TenantLimits
from arcrun.limits import MAX_MEASURED_PAGES, MAX_SCHEDULES_PAGE, MAX_STORE_PAGE
from arcrun.run_log.usage import Usage
from executor.service import ExecutorService


async def measure_account(service: ExecutorService, limits: TenantLimits) -> list[Usage]:
    """Raises UpstreamError."""
    store_bytes, has_all_stores = await _measure_stores(service)
    schedules, has_all_schedules = await _count_schedules(service)
    return [
        Usage("version_bytes", await service.workflows.measure_versions(), limits.storage.stored_bytes),
        Usage("schedules", schedules, limits.starts.schedules, is_estimate=not has_all_schedules),
        Usage("store_bytes", store_bytes, limits.store_bytes, is_estimate=not has_all_stores),
    ]


async def _count_schedules(service: ExecutorService) -> tuple[int, bool]:
    """The number, and whether they are all."""
    count, cursor = 0, ""
    for _ in range(MAX_MEASURED_PAGES):
        page = await service.workflows.schedules.list_schedules(cursor, MAX_SCHEDULES_PAGE)
        count += len(page)
        names = list(dict.fromkeys(each["name_id"] for each in page))
        if len(names) < MAX_SCHEDULES_PAGE:
            return count, True
        cursor = names[-1]
    return count, False


async def _measure_stores(service: ExecutorService) -> tuple[int, bool]:
    """The bytes, and whether they are all."""
    size, cursor, stores = 0, "", service.open_stores()
    for _ in range(MAX_MEASURED_PAGES):
        page, cursor = await stores.list_stores(cursor, MAX_STORE_PAGE)
        size += sum(each["bytes"] for each in page)
        if not cursor:
            return size, True
    return size, False
