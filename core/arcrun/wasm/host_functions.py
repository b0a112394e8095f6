"""The functions that a component may import, and the cost of each call: all of WASI preview1, and the host functions of
the module `arcrun`.

HOST_FUNCTIONS is the only definition of the host functions. The review and the platform use it to check imports, both
hosts for parameters, and tests compare it with the copies in other languages: component_host.mjs, the SDK's host.zig,
docs/contract.md, and the README of a new component.

A call costs CALL_COST fuel in addition to the `call` instruction, whether it is direct or through a table, and more
depending on its request:

    fd_read, fd_write     VECTOR_COST per I/O vector
    fd_read, read_reply   one unit per COPIED_BYTES_PER_UNIT bytes that are moved, not of capacity
    fd_write, log         PRINTED_BYTE_COST per byte; nothing for bytes that stderr no longer accepts
    random_get            RANDOM_BYTE_COST per byte
    poll_oneoff           SUBSCRIPTION_COST per subscription, and ASK_COST if it waits
    host requests         ASK_COST, REQUEST_BYTE_COST per byte of the request, and, once it is there, REPLY_BYTE_COST
                          per byte of the reply

A part of a unit counts as one. The host takes it off the exported fuel before the work is done, and ends the call as
FUEL_EXHAUSTED if there is too little; except for a reply, whose length is not known before. A unit is half a nanosecond
or less in V8; benchmarks/components/host_calls.py prints the time of calls.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from arcrun.limits import MAX_LARGE_WAITING_BYTES, MAX_REQUEST_BYTES

WASI_MODULE = "wasi_snapshot_preview1"
HOST_MODULE = "arcrun"

CALL_COST = 2_000
VECTOR_COST = 300
SUBSCRIPTION_COST = 750
ASK_COST = 1_000_000
COPIED_BYTES_PER_UNIT = 2
PRINTED_BYTE_COST = 2
RANDOM_BYTE_COST = 32
REQUEST_BYTE_COST = 50
REPLY_BYTE_COST = 10


@dataclass(frozen=True)
class HostFunction:
    """A host function. `capability` is what a contract must declare, None if every component may use it.

    `asks` is whether the platform answers it (PortHostFunctions) while the instance waits; otherwise the host does so
    on its own. `request` and `value` describe input and output for people. `parameters` are the WebAssembly types,
    usually a pointer and a length. The result is an i32: the length of the reply, or a negative error.
    """

    request: str
    value: str
    capability: str | None = None
    asks: bool = True
    parameters: str = "i32 i32"


HOST_FUNCTIONS: Mapping[str, HostFunction] = {
    "http_request": HostFunction(
        "{method, url, headers, body or body_base64 or body_parts, timeout_ms, follow_redirects, as_base64, as_blob}",
        "{status, headers, body or body_base64 or body_blob}",
        capability="network",
    ),
    "sleep": HostFunction("{ms}", "{waited_ms}", capability="sleep"),
    "ai_run": HostFunction("{model, and the model's inputs}", "what the model answers", capability="ai"),
    "store": HostFunction(
        "{op, key, value, ttl, by, expected, prefix, limit, cursor, store}",
        "what the operation answers",
        capability="store",
    ),
    "blob": HostFunction(
        "{op, blob, offset, length, writing, text or base64, content_type, name}",
        "what the operation answers",
        capability="blob",
    ),
    "log": HostFunction("any text", "one line of the component's log", asks=False),
    "read_reply": HostFunction("pointer and capacity", "a copy of the last reply", asks=False),
}

# The reply to a request of more than MAX_REQUEST_BYTES. component_host.mjs has the same.
REQUEST_TOO_LARGE = json.dumps(
    {
        "ok": False,
        "error": {
            "code": "REQUEST_TOO_LARGE",
            "message": f"A request has at most {MAX_REQUEST_BYTES >> 20} MiB.",
            "retriable": False,
        },
    },
    separators=(",", ":"),
)

# The reply to a request of a component whose memory, beside what else waits in the isolate, is too large to wait.
MEMORY_BUSY = json.dumps(
    {
        "ok": False,
        "error": {
            "code": "MEMORY_BUSY",
            "message": "The call has too much memory to wait for an answer beside what else waits in its isolate; "
            f"large calls may have {MAX_LARGE_WAITING_BYTES >> 20} MiB together.",
            "retriable": True,
        },
    }
)

# WASI snapshot preview1, complete, with the types of the parameters. The result is an errno, an i32, except for
# proc_exit, which has none. component_host.mjs implements each; a test compares the two lists.
WASI_FUNCTIONS: Mapping[str, str] = {
    "args_get": "i32 i32",
    "args_sizes_get": "i32 i32",
    "clock_res_get": "i32 i32",
    "clock_time_get": "i32 i64 i32",
    "environ_get": "i32 i32",
    "environ_sizes_get": "i32 i32",
    "fd_advise": "i32 i64 i64 i32",
    "fd_allocate": "i32 i64 i64",
    "fd_close": "i32",
    "fd_datasync": "i32",
    "fd_fdstat_get": "i32 i32",
    "fd_fdstat_set_flags": "i32 i32",
    "fd_fdstat_set_rights": "i32 i64 i64",
    "fd_filestat_get": "i32 i32",
    "fd_filestat_set_size": "i32 i64",
    "fd_filestat_set_times": "i32 i64 i64 i32",
    "fd_pread": "i32 i32 i32 i64 i32",
    "fd_prestat_dir_name": "i32 i32 i32",
    "fd_prestat_get": "i32 i32",
    "fd_pwrite": "i32 i32 i32 i64 i32",
    "fd_read": "i32 i32 i32 i32",
    "fd_readdir": "i32 i32 i32 i64 i32",
    "fd_renumber": "i32 i32",
    "fd_seek": "i32 i64 i32 i32",
    "fd_sync": "i32",
    "fd_tell": "i32 i32",
    "fd_write": "i32 i32 i32 i32",
    "path_create_directory": "i32 i32 i32",
    "path_filestat_get": "i32 i32 i32 i32 i32",
    "path_filestat_set_times": "i32 i32 i32 i32 i64 i64 i32",
    "path_link": "i32 i32 i32 i32 i32 i32 i32",
    "path_open": "i32 i32 i32 i32 i32 i64 i64 i32 i32",
    "path_readlink": "i32 i32 i32 i32 i32 i32",
    "path_remove_directory": "i32 i32 i32",
    "path_rename": "i32 i32 i32 i32 i32 i32",
    "path_symlink": "i32 i32 i32 i32 i32",
    "path_unlink_file": "i32 i32 i32",
    "poll_oneoff": "i32 i32 i32 i32",
    "proc_exit": "i32",
    "proc_raise": "i32",
    "random_get": "i32 i32",
    "sched_yield": "",
    "sock_accept": "i32 i32 i32",
    "sock_recv": "i32 i32 i32 i32 i32 i32",
    "sock_send": "i32 i32 i32 i32 i32",
    "sock_shutdown": "i32 i32",
}
