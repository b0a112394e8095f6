"""Values for JavaScript."""

from collections.abc import Mapping
from typing import Any

from js import Object
from pyodide.ffi import JsProxy, to_js


def to_object(value: Mapping[str, Any]) -> JsProxy:
    """A plain object with the fields of `value`, and so its values: what the platform's functions take for options."""
    return to_js(value, dict_converter=Object.fromEntries)
