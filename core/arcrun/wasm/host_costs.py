"""What a call of a host function takes off a component's fuel, on top of the `call` instruction itself.

Each call costs CALL_COST, whether it is direct or through a table, and more by what it asks for:

    fd_read, fd_write     VECTOR_COST each I/O vector
    fd_read, read_reply   one unit for each COPIED_BYTES_PER_UNIT bytes that are moved, not what there was room for
    fd_write, log         PRINTED_BYTE_COST a byte; nothing for what stderr no longer takes
    random_get            RANDOM_BYTE_COST a byte
    poll_oneoff           SUBSCRIPTION_COST each subscription, and ASK_COST if it waits
    what asks the host    ASK_COST, REQUEST_BYTE_COST a byte of the request, and, once it is there, REPLY_BYTE_COST a
    (http_request, ...)   byte of the reply

A part of a unit counts as one. The host takes it off the exported fuel before the work is done, and ends the call as
FUEL_EXHAUSTED where it is not there: but for a reply, whose length is not known before. component_host.mjs has the same
numbers, a test compares them. A unit stands for half a nanosecond or less in V8; benchmarks/host_calls.py prints what
calls take.
"""

CALL_COST = 2_000
VECTOR_COST = 300
SUBSCRIPTION_COST = 750
ASK_COST = 1_000_000
COPIED_BYTES_PER_UNIT = 2
PRINTED_BYTE_COST = 2
RANDOM_BYTE_COST = 32
REQUEST_BYTE_COST = 50
REPLY_BYTE_COST = 10
