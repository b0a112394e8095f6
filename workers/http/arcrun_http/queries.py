"""Query parameters."""

from starlette.requests import Request

from arcrun.errors import RequestError


def read_count(request: Request, name: str, default: int) -> int:
    """A whole number. Raises RequestError."""
    count = parse_whole(request.query_params.get(name, str(default)))
    if count is None:
        raise RequestError(f"`{name}` must be a whole number.")
    return count


def parse_whole(text: str) -> int | None:
    """A number of ASCII digits; of a thousand of them, which Python would refuse, the first few say enough."""
    return int(text.lstrip("0")[:20] or "0") if text.isascii() and text.isdecimal() else None
