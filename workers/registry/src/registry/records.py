"""The records of accepted submissions in KV SUBMISSIONS_KV. They never change. Shape: docs/storage-schema.md."""

import json
from typing import Any

from arcrun.ports import KeyValue


def record_key(submission_id: str) -> str:
    return f"submission:{submission_id}"


async def read_record(records: KeyValue, submission_id: str) -> dict[str, Any]:
    """{"submission_id", "canonical_id", "version", "steps", "attestation", ...}; only the id where KV is behind."""
    text = await records.get(record_key(submission_id))
    return json.loads(text) if text else {"submission_id": submission_id}
