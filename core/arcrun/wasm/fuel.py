"""How much fuel (arcrun/wasm/metering.py) a call of a component gets.

Fuel counts instructions, and how many of them a millisecond does differs: benchmarks/fuel.py prints it for the built-in
components on their heaviest inputs. On the machine that it was calibrated on, sorting 190,000 numbers, which misses the
processor's caches, does 4.8 million, and no call that takes 100 ms does less. Those that go through texts from end to
end do 10 to 16 million; with the common rate they could not take a large answer that they would have done in time. A
module that is not ours may be one endless loop, which V8 runs to its end in code not optimized yet: 3.6 million.
"""

from arcrun.limits import CALL_CPU_MS, SANDBOX_CALL_CPU_MS

FUEL_A_MS = 4_500_000
TEXT_FUEL_A_MS = 10_000_000
_TEXT_COMPONENTS = frozenset(
    "gmail google_sheets http_request if_control line_notify merge set string_ops switch telegram try_catch".split()
)


def fuel_of_bundled(component_id: str, cpu_ms: int | None = None) -> int:
    """The budget of a call of a bundled component, in this isolate or moved into a sandbox."""
    rate = TEXT_FUEL_A_MS if component_id in _TEXT_COMPONENTS else FUEL_A_MS
    return (CALL_CPU_MS if cpu_ms is None else cpu_ms) * rate


def fuel_of_stored(cpu_ms: int | None = None) -> int:
    """The budget of a call of any other component."""
    return (SANDBOX_CALL_CPU_MS if cpu_ms is None else cpu_ms) * FUEL_A_MS


CALL_FUEL = fuel_of_bundled("")
SANDBOX_FUEL = fuel_of_stored()
