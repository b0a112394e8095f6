"""How much fuel (arcrun/wasm/metering.py) a call of a component gets.

Fuel counts instructions, and how many of them a millisecond does differs: benchmarks/fuel.py prints it for the built-in
components on their heaviest inputs. On the machine that it was calibrated on most of them do 8 to 16 million; sorting
190,000 numbers, which misses the processor's caches, does 5.2, and no call that takes 100 ms does less. A module that
is not ours may be one endless loop, which V8 runs to its end in code that it has not optimized: 3.6 million.
"""

from arcrun.limits import CALL_CPU_MS, SANDBOX_CALL_CPU_MS

FUEL_A_MS = 5_000_000
CALL_FUEL = CALL_CPU_MS * FUEL_A_MS
SANDBOX_FUEL = SANDBOX_CALL_CPU_MS * FUEL_A_MS


def fuel_of(cpu_ms: int | None, *, is_sandboxed: bool) -> int:
    """The budget of a call whose node sets `cpu_ms`, or does not."""
    if cpu_ms is None:
        return SANDBOX_FUEL if is_sandboxed else CALL_FUEL
    return cpu_ms * FUEL_A_MS
