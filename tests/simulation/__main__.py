"""Runs any number of seeds, on all processors. Exits 1 with the first that breaks a promise."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from multiprocessing import Pool

from simulation.acceptance import simulate_platform
from simulation.simulation import BrokenPromiseError, InvalidCaseError, simulate
from simulation.starts import Past, simulate_starts
from simulation.stores import simulate_stores
from simulation.watching import simulate_watching

CHUNK = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--platform", dest="run", action="store_const", const=run_platforms, help="of a whole platform")
    kind.add_argument("--starts", dest="run", action="store_const", const=run_starts, help="that start by themselves")
    kind.add_argument("--watches", dest="run", action="store_const", const=run_watches, help="that watch a list")
    kind.add_argument("--stores", dest="run", action="store_const", const=run_stores, help="that keep state")
    asked = parser.parse_args()
    began_s, told = time.monotonic(), Counter[str]()
    firsts = range(asked.first, asked.first + asked.seeds, CHUNK)
    with Pool(os.cpu_count()) as pool:
        for counted, broken in pool.imap_unordered(
            asked.run or run_seeds, (range(each, each + CHUNK) for each in firsts)
        ):
            told.update(counted)
            if broken:
                pool.terminate()
                sys.exit(broken)
    counts = ", ".join(f"{count} {name}" for name, count in told.items())
    print(f"{asked.seeds} seeds: {counts}; none broke a promise.")
    print(f"{time.monotonic() - began_s:.0f} s, load {os.getloadavg()[0]:.1f}")


def run_seeds(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    told = Counter[str]()
    for seed in seeds:
        try:
            outcome = simulate(seed)
        except InvalidCaseError:
            told["no workflow"] += 1
        except BrokenPromiseError as broken:
            return told, f"seed {seed}: {broken}"
        else:
            told.update(runs=1, isolates=len(outcome.isolates), steps=len(outcome.isolates[-1].asked))
            told["failed as they should"] += "error" in outcome.record
    return told, ""


def run_platforms(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    told = Counter[str]()
    for seed in seeds:
        try:
            history = simulate_platform(seed)
        except BrokenPromiseError as broken:
            return told, f"seed {seed}: {broken}"
        told.update(runs=len(history.accepted), calls=len(history.effects), pushes=len(history.pushed))
    return told, ""


def run_starts(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    return _run_starting(simulate_starts, seeds)


def run_watches(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    return _run_starting(simulate_watching, seeds)


def run_stores(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    told = Counter[str]()
    for seed in seeds:
        try:
            told["runs"] += simulate_stores(seed)
        except BrokenPromiseError as broken:
            return told, f"seed {seed}: {broken}"
    return told, ""


def _run_starting(simulate_seed: Callable[[int], Past], seeds: Iterable[int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    told = Counter[str]()
    for seed in seeds:
        try:
            past = simulate_seed(seed)
        except BrokenPromiseError as broken:
            return told, f"seed {seed}: {broken}"
        told.update(runs=len({effect.run for effect in past.effects}), alarms=past.rings, pushes=len(past.pushed))
    return told, ""


if __name__ == "__main__":
    main()
