"""The HTTP code that the three services share: bodies, API keys, errors."""

import sys

# Starlette imports the parser of forms, by either name, wherever it is installed, at every start. arcrun_http/forms.py
# imports it when a form comes.
_PARSERS = ("python_multipart", "multipart")
if not {"starlette.requests", *_PARSERS} & sys.modules.keys():
    sys.modules |= dict.fromkeys(_PARSERS)  # type: ignore[arg-type]
    import starlette.requests  # noqa: F401

    for _name in _PARSERS:
        del sys.modules[_name]
