# The JavaScript global scope: whatever the platform has.
from typing import Any

def __getattr__(name: str) -> Any: ...
