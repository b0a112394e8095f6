# What arcrun_edge uses of Pyodide's foreign function interface. A JsProxy has whatever attributes its object has.
from collections.abc import Callable
from typing import Any

class JsProxy:
    def __getattr__(self, name: str) -> Any: ...

class JsException(Exception):
    name: str
    message: str

jsnull: Any

def create_once_callable(obj: Callable[..., Any]) -> Any: ...
def create_proxy(obj: Callable[..., Any]) -> Any: ...
def to_js(obj: Any, *, dict_converter: Any = ..., depth: int = ...) -> JsProxy: ...
