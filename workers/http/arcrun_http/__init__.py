"""The HTTP code that the three services share: bodies, API keys, errors."""

import sys

# Starlette imports the parser of forms wherever it is installed, at every start. arcrun_http/forms.py imports it when a
# form comes.
if "starlette.requests" not in sys.modules and "python_multipart" not in sys.modules:
    sys.modules["python_multipart"] = None  # type: ignore[assignment]
    import starlette.requests  # noqa: F401

    del sys.modules["python_multipart"]
