"""What is too large for a row of a RunLog lies in the bucket, under the run's id."""

from enum import IntFlag


class Blobs(IntFlag):
    """Which parts of a run lie there."""

    RESULT = 1
    INPUT = 2


_NAMES = {Blobs.RESULT: "result", Blobs.INPUT: "input"}


def blob_key(run_id: str, part: Blobs) -> str:
    return f"runs/{run_id}/{_NAMES[part]}"


def blob_keys_of(run_id: str, parts: int) -> list[str]:
    return [blob_key(run_id, part) for part in _NAMES if part & parts]
