"""Requests that wait for the answer of their accepted run. Imported with the first of them."""

import json

from starlette.requests import Request
from starlette.responses import Response

from arcrun_http.responses import LINES, JsonResponse
from executor.durable.answers import KeptRun, wait_for_answer
from executor.run_handlers import answer_caller, answer_in_lines, answer_owner, wants_trace
from executor.service import ExecutorService
from executor.starts.idempotency import REPLAYED

ACCEPTED = 202


async def answer_in_time(
    service: ExecutorService, request: Request, accepted: Response, wait_ms: int, *, is_owner: bool, is_early: bool
) -> Response:
    """What the run is answered by, as one that was not accepted would be, or earlier if it may be; `accepted` if that
    does not come in time. An owner that accepts lines gets the run's id at once.
    """
    lasting, clock = service.lasting, service.engine.ports.clock
    if lasting is None or accepted.status_code != ACCEPTED:
        return accepted
    run_id: str = json.loads(bytes(accepted.body))["run_id"]

    async def answer() -> Response:
        kept = await wait_for_answer(lasting, service.runs.find, clock, run_id, wait_ms, is_early=is_early)
        if kept is None:
            return accepted
        ended = _answer_owner(kept, request) if is_owner else answer_caller(kept.record, request)
        ended.raw_headers.extend(pair for pair in accepted.raw_headers if pair == REPLAYED)
        return ended

    if is_owner and request.headers.get("accept") == LINES:
        return answer_in_lines(service, run_id, answer)
    return await answer()


def _answer_owner(kept: KeptRun, request: Request) -> Response:
    plain = answer_owner(kept.record, with_trace=False)
    if not wants_trace(request):
        return plain
    return JsonResponse({**json.loads(bytes(plain.body)), **kept.trace}, plain.status_code)
