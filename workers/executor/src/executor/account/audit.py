"""Handlers of the audit log. The executor notes its own actions; the command line reports what it writes without the
executor: credentials and keys.
"""

from starlette.requests import Request

from arcrun.errors import RequestError, build_cursor_error
from arcrun.limits import MAX_PAGE
from arcrun_http.callers import actor_of
from arcrun_http.requests import parse_whole, read_count, read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService

NOTED = ("credential.put", "credential.delete", "encryption_key.rotate", "platform.deploy")
MAX_LINE_ID = 2**53  # integers up to it are exact in JSON
MAX_SUBJECTS, MAX_SUBJECT_CHARACTERS = 100, 128


async def list_lines(service: ExecutorService, request: Request) -> JsonResponse:
    limit = read_count(request, "limit", 50)
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError(f"`limit` must be from 1 to {MAX_PAGE}.")
    lines = await service.audit.list(_read_cursor(request), limit)
    cursor = str(lines[-1].id) if len(lines) == limit else None
    return build_success({"lines": [line.to_json() for line in lines], "cursor": cursor})


async def note(service: ExecutorService, request: Request) -> JsonResponse:
    body = await read_object(request, allowed=("action", "subjects"))
    action, subjects = body.get("action"), body.get("subjects")
    if action not in NOTED:
        raise RequestError(f"`action` must be one of {', '.join(NOTED)}.")
    if not isinstance(subjects, list) or not 1 <= len(subjects) <= MAX_SUBJECTS or not all(map(_is_name, subjects)):
        raise RequestError(
            f"`subjects` must be 1 to {MAX_SUBJECTS} names of at most {MAX_SUBJECT_CHARACTERS} printable characters."
        )
    if action == "credential.delete" and service.components.open_tokens is not None:
        await service.components.open_tokens().forget(subjects)
    for subject in subjects:
        await service.audit.note(action, subject, actor_of(request), "by the command line", is_told=True)
    return build_success({"noted": len(subjects)}, 201)


def _read_cursor(request: Request) -> int | None:
    """The id of the previous page's last line. Raises RequestError INVALID_CURSOR."""
    text = request.query_params.get("cursor")
    line_id = None if text is None else parse_whole(text)
    if text is not None and (line_id is None or line_id > MAX_LINE_ID):
        raise build_cursor_error()
    return line_id


def _is_name(subject: object) -> bool:
    return isinstance(subject, str) and 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS and subject.isprintable()
