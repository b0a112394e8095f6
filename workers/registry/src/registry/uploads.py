"""Reads a submission's body, in one of two forms, into its contract and its module."""

import base64
import json
from dataclasses import dataclass

from starlette.requests import Request

from arcrun.errors import RequestError
from arcrun.limits import MAX_SUBMISSION_BYTES
from arcrun_http.forms import parse_multipart
from arcrun_http.requests import read_body, read_object

_FORM = (
    "Send multipart/form-data with `contract`, and `wasm` or `javascript`, or JSON "
    '{"contract", "wasm_base64" | "javascript"}.'
)

_PARTS = ({"contract", "wasm"}, {"contract", "javascript"})


@dataclass(frozen=True)
class Upload:
    """A submission's content. `contract` is YAML or JSON, `module` the WebAssembly or main.js, as `contract` says."""

    contract: str
    module: bytes


async def read_upload(request: Request) -> Upload:
    """Read a submission. Raises RequestError, PayloadTooLargeError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await (_read_form(request) if kind == "multipart/form-data" else _read_json(request))


async def _read_form(request: Request) -> Upload:
    body = await read_body(request, MAX_SUBMISSION_BYTES)
    try:
        parts = parse_multipart(body, request.headers["content-type"], len(_PARTS[0]))
    except RequestError as error:
        raise _invalid(error.message) from None
    named = {part.name: part.content for part in parts}
    if named.keys() not in _PARTS or len(parts) > len(named):
        raise _invalid("The form must have exactly the parts `contract`, and `wasm` or `javascript`.")
    try:
        return Upload(named.pop("contract").decode(), named.popitem()[1])
    except UnicodeDecodeError:
        raise _invalid("`contract` is not UTF-8.") from None


async def _read_json(request: Request) -> Upload:
    body = await read_object(request, ("contract", "wasm_base64", "javascript"), MAX_SUBMISSION_BYTES)
    contract, encoded, source = (body.get(name) for name in ("contract", "wasm_base64", "javascript"))
    if isinstance(contract, dict):
        contract = json.dumps(contract, ensure_ascii=False)
    if not isinstance(contract, str):
        raise _invalid("`contract` must be the content of a contract.yaml as a string, or an object.")
    if isinstance(source, str) and encoded is None:
        return Upload(contract, source.encode("utf-8", "replace"))
    if not isinstance(encoded, str) or source is not None:
        raise _invalid("Either `wasm_base64` or `javascript` must be a string.")
    try:
        return Upload(contract, base64.b64decode(encoded, validate=True))
    except ValueError:
        raise _invalid("`wasm_base64` is not base64.") from None


def _invalid(message: str) -> RequestError:
    return RequestError(message, next_actions=[_FORM])
