"""What to do about errors of components: the `next_actions` of a step's error, by its code."""

from collections.abc import Mapping

_LOOK = "Look at the place that the message names. What console.log writes is in the step's log: acr logs RUN_ID."
_LESS = "Give the step less at once: only the fields and the items that it needs."

_ADVICE: Mapping[str, tuple[str, ...]] = {
    "CODE_FAILED": (_LOOK,),
    "MEMORY_BUSY": (
        "Let `retry` repeat the step.",
        "Or let it hold less while it waits: ask first, and make large values after that.",
    ),
    "NEVER_SETTLES": ("Resolve each promise that the code awaits: there are no timers, and no events.",),
    "NO_FUNCTION": ("Write `export default async (input, ctx) => ...`, or the function's body alone.",),
    "OUT_OF_MEMORY": (_LESS, "Or take it in parts: a FOREACH, or a page a run."),
    "PAGES_REPEAT": (
        "Compare `paginate` with what the service documents: what it calls a cursor may be another field.",
    ),
    "PAGES_TOO_LARGE": (
        "Set a smaller `max_pages`, or ask for fewer fields or a shorter time; a loop takes the rest.",
    ),
    "PAGE_CURSOR_INVALID": (
        "Name the text or number that leads to the next page: paginate: {cursor: body.next_cursor}.",
        "If the service goes on after the last item: paginate: {cursor: body.data.-1.id}.",
    ),
    "PAGE_ELSEWHERE": ("Give the `url` of the origin that the service's links lead to.",),
    "PAGE_ITEMS_INVALID": ("Name where the list is: paginate: {items: body.data}.",),
    "RESULT_NOT_JSON": ("Return what JSON has: Object.fromEntries(map), [...set], String(bigint), null for NaN.",),
    "RESULT_TOO_LARGE": ("Return less: the fields and the items that later steps need.",),
    "STACK_OVERFLOW": ("Write the recursion as a loop.",),
    "STORE_CLOSED": ("Sign up again: an account that has gone has no stores.",),
    "STORE_FAILED": (
        "Let `retry` repeat the step: it does its operation once, however often it is tried.",
        "If it fails again and again, ask the platform's operator to look at ARCRUN_ENCRYPTION_KEY and the log.",
    ),
    "STORE_FULL": ("Delete what is not needed (acr store list), or give entries a `ttl`.",),
    "STORE_KEY_TOO_LONG": ("Use a shorter one, such as an id or a hash.",),
    "STORE_SECRET": ("Take the secret out of `key` and `value`: another run would show it.",),
    "STORE_UNAVAILABLE": ("Run it as a step of a workflow: acr run FILE.",),
    "STORE_VALUE_TOO_LARGE": ("Keep what is large where it is, and store where that can be fetched.",),
    "SYNTAX_ERROR": ("Compile the file on this machine: acr validate FILE.",),
    "TOO_MANY_REQUESTS": ("Let a FOREACH send them, some in each call.",),
    "UNHANDLED_REJECTION": ("Await each promise, or handle its rejection: promise.catch(...).", _LOOK),
}
# Of codes that others have too.
_OF: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "code": {
        "HOST_NOT_ALLOWED": ("Name the host in the node's `hosts`.",),
        "INVALID_RESPONSE_BODY": ("Ask for the bytes, in base64: as_base64: true.",),
    },
    "store": {
        "INVALID_REQUEST": ("See what the operation takes: acr parts list store.",),
        "NOT_A_NUMBER": ("Put a number under this key first, or use another key.",),
    },
}


def find_advice(code: str, component_id: str) -> tuple[str, ...]:
    """What to do about an error that a component has reported; nothing if its message says it all."""
    return _ADVICE.get(code) or _OF.get(component_id, {}).get(code, ())
