"""TextDecoder over the platform's TextDecoder."""

import js
from pyodide.ffi import JsException, to_js

from arcrun_edge.javascript import to_object


class WebTextDecoder:
    def decode(self, content: bytes, label: str) -> str | None:
        try:
            decoder = js.TextDecoder.new(label, to_object({"fatal": True}))
            return str(decoder.decode(to_js(content)))
        except JsException:
            return None
