"""Large attachments of the messages that have started runs, which lie in the bucket, sealed."""

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import NotFoundError
from arcrun.limits import MAX_STORED_ATTACHMENTS
from arcrun_http.requests import parse_whole
from executor.service import ExecutorService


async def show_attachment(service: ExecutorService, request: Request) -> Response:
    """The octets, whatever the message said that they are. Raises NotFoundError ATTACHMENT_NOT_FOUND."""
    run_id, number = request.path_params["run_id"], parse_whole(request.path_params["number"])
    content = None
    if service.lasting is not None and number is not None and 1 <= number <= MAX_STORED_ATTACHMENTS:
        content = await service.lasting.runs.open_attachment(run_id, number)
    if content is None:
        raise NotFoundError(
            "The run has no such attachment in the bucket.",
            code="ATTACHMENT_NOT_FOUND",
            next_actions=["The `blob` of an attachment in the run's input ends with its number. It goes with its run."],
        )
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)
