"""What a run answers to whoever started it: to the holder of the API key, and to whoever has only the webhook's URL."""

from arcrun.engine.record import RunRecord
from arcrun.errors import RunFailedError
from arcrun_http.responses import JsonResponse


def answer_owner(record: RunRecord, *, with_trace: bool) -> JsonResponse:
    """{"success", "run_id", "data" or "error", "duration_ms"}, and "trace", its values cut as in a stored record."""
    answer = record.to_json()
    if with_trace:
        answer["trace"] = record.render_trace()
    return JsonResponse(answer, record.error.http_status if record.error else 200)


def answer_caller(record: RunRecord) -> JsonResponse:
    """{"success", "run_id", "data"}; of a failure WORKFLOW_FAILED and the run's id, whatever it was: the cause is the
    owner's to see.
    """
    if record.error is None:
        return JsonResponse({"success": True, "run_id": record.run_id, "data": record.data})
    failure = RunFailedError(record.run_id)
    answer = {"success": False, "run_id": record.run_id, "error": failure.to_json()}
    return JsonResponse(answer, failure.http_status)
