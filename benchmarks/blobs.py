"""Send a file of 10 MB through five nodes as a blob, on a platform of its own: what memory that takes, and how long.
Prints one JSON line per figure, as run.py does.

.venv/bin/python benchmarks/blobs.py
... --rounds 10     runs that follow each other (5)
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from run import ROOT, report

sys.path.insert(0, str(ROOT / "tests"))
from workerd.blobs.file_server import running_file_server
from workerd.blobs.passing import BYTES, SMALL_BYTES, execute, five_nodes, measure_memory
from workerd.local_platform import running_platform


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs that follow each other")
    options = parser.parse_args()
    print(json.dumps({"name": "load_average", "one_minute": os.getloadavg()[0], "processors": os.cpu_count()}))
    with (
        tempfile.TemporaryDirectory(prefix="arcrun-benchmark-") as folder,
        running_file_server() as server,
        running_platform(Path(folder) / "one", "--no-reload") as platform,
    ):
        memory = measure_memory(platform, server, options.rounds)
        print(json.dumps({"name": "blob_memory_mib", **vars(memory), "grown": memory.after - memory.rest}))
        with platform.executor as client:
            for size in (SMALL_BYTES, BYTES):
                took = []
                for number in range(options.rounds):
                    began_s = time.perf_counter()
                    assert execute(client, five_nodes(server, size, f"timed{number}"))["success"]
                    took.append((time.perf_counter() - began_s) * 1000)
                report(f"blob_of_{size}_bytes_through_five_nodes", "ms", took)


if __name__ == "__main__":
    main()
