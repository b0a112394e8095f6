"""Converts values for JavaScript."""

from collections.abc import Mapping
from typing import Any

from js import Object
from pyodide.ffi import JsProxy, to_js


def to_object(value: Mapping[str, Any]) -> JsProxy:
    """A plain object from a mapping, nested mappings included, such as the platform's functions take as options."""
    return to_js(value, dict_converter=Object.fromEntries)
