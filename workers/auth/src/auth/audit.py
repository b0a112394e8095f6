"""The audit log: one line of JSON for each decision. It names a tenant and a key's id, and holds no secret."""

import json
import logging

logger = logging.getLogger("arcrun.audit")


def log_decision(action: str, outcome: str, *, tenant: str | None = None, key: str | None = None) -> None:
    """`outcome` is "done", or the code of the error; `key` is a key's id."""
    known = {"audit": action, "outcome": outcome, "tenant": tenant, "key": key}
    logger.info("%s", json.dumps({name: value for name, value in known.items() if value is not None}))
