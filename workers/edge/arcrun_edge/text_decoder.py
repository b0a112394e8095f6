"""TextDecoder over the platform's own."""

import js
from js import Object
from pyodide.ffi import JsException, to_js


class WebTextDecoder:
    def decode(self, content: bytes, label: str) -> str | None:
        try:
            decoder = js.TextDecoder.new(label, to_js({"fatal": True}, dict_converter=Object.fromEntries))
            return str(decoder.decode(to_js(content)))
        except JsException:
            return None
