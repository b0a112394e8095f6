"""10 MB through five nodes as a blob leave the runtime's memory within 20 MB of rest."""

from pathlib import Path

import pytest

from workerd.blobs.file_server import running_file_server, sha256_of
from workerd.blobs.passing import BYTES, measure_memory
from workerd.local_platform import running_platform

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

MOST_GROWN_MIB = 20
ROUNDS = 5


def test_a_blob_leaves_memory_at_rest(tmp_path: Path) -> None:
    with running_file_server() as server, running_platform(tmp_path, "--no-reload") as platform:
        memory = measure_memory(platform, server, ROUNDS)
        print(f"MiB of workerd: {memory}")
    taken = [each for each in server.taken if each.size == BYTES]
    assert {each.sha256 for each in taken} == {sha256_of(BYTES)}
    assert (len(taken), memory.after - memory.rest < MOST_GROWN_MIB) == (ROUNDS, True), memory
