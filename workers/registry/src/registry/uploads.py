"""Reads a submission's body, in one of two forms, into its contract and its module."""

import base64
import json
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from arcrun.errors import RequestError
from arcrun.limits import MAX_SUBMISSION_BYTES
from arcrun_http.requests import read_object

_FORM = 'Send multipart/form-data with `contract` and `wasm`, or JSON {"contract", "wasm_base64"}.'


@dataclass(frozen=True)
class Upload:
    """A submission's content. `contract` is YAML or JSON."""

    contract: str
    module: bytes


class _InMemoryParser(MultiPartParser):
    """Keeps all parts in memory: Starlette writes larger ones in a thread, which a Worker does not have."""

    spool_max_size = MAX_SUBMISSION_BYTES


async def read_upload(request: Request) -> Upload:
    """Read a submission. Raises RequestError, PayloadTooLargeError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await (_read_form(request) if kind == "multipart/form-data" else _read_json(request))


async def _read_form(request: Request) -> Upload:
    parser = _InMemoryParser(
        request.headers, request.stream(), max_files=2, max_fields=2, max_part_size=MAX_SUBMISSION_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise _invalid(f"The body is not multipart/form-data: {error.message}") from None
    parts = {
        name: await value.read() if isinstance(value, UploadFile) else value.encode()
        for name, value in form.multi_items()
    }
    await form.close()
    if parts.keys() != {"contract", "wasm"}:
        raise _invalid("The form must have exactly the parts `contract` and `wasm`.")
    try:
        return Upload(parts["contract"].decode(), parts["wasm"])
    except UnicodeDecodeError:
        raise _invalid("`contract` is not UTF-8.") from None


async def _read_json(request: Request) -> Upload:
    body = await read_object(request, ("contract", "wasm_base64"), MAX_SUBMISSION_BYTES)
    contract, encoded = body.get("contract"), body.get("wasm_base64")
    if isinstance(contract, dict):
        contract = json.dumps(contract, ensure_ascii=False)
    if not isinstance(contract, str):
        raise _invalid("`contract` must be the content of a contract.yaml as a string, or an object.")
    if not isinstance(encoded, str):
        raise _invalid("`wasm_base64` must be a string.")
    try:
        return Upload(contract, base64.b64decode(encoded, validate=True))
    except ValueError:
        raise _invalid("`wasm_base64` is not base64.") from None


def _invalid(message: str) -> RequestError:
    return RequestError(message, next_actions=[_FORM])
