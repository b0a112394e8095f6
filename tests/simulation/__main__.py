"""Runs any number of seeds, on all processors. Exits 1 with the first that breaks a promise."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from multiprocessing import Pool

from simulation.acceptance import simulate_platform
from simulation.simulation import BrokenPromiseError, InvalidCaseError, simulate

CHUNK = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--platform", action="store_true", help="accept runs on a whole platform")
    asked = parser.parse_args()
    began_s, told = time.monotonic(), Counter[str]()
    firsts = range(asked.first, asked.first + asked.seeds, CHUNK)
    run = run_platforms if asked.platform else run_seeds
    with Pool(os.cpu_count()) as pool:
        for counted, broken in pool.imap_unordered(run, (range(first, first + CHUNK) for first in firsts)):
            told.update(counted)
            if broken:
                pool.terminate()
                sys.exit(broken)
    took_s, load = time.monotonic() - began_s, os.getloadavg()[0]
    runs = told["runs"]
    if asked.platform:
        print(f"{asked.seeds} seeds: {runs} runs accepted, {told['calls']} calls, {told['pushes']} pushes;", end=" ")
        print(f"none broke a promise.\n{took_s:.0f} s, load {load:.1f}")
        return
    print(f"{asked.seeds} seeds, {told['invalid']} of them no workflow: {runs} runs in {told['isolates']} isolates,")
    print(f"{told['steps']} steps, {told['failed']} runs failed as they should; none broke a promise.")
    print(f"{took_s:.0f} s, load {load:.1f}")


def run_seeds(seeds: Iterable[int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    told = Counter[str]()
    for seed in seeds:
        try:
            outcome = simulate(seed)
        except InvalidCaseError:
            told["invalid"] += 1
        except BrokenPromiseError as broken:
            return told, f"seed {seed}: {broken}"
        else:
            told.update(runs=1, isolates=len(outcome.isolates), steps=len(outcome.isolates[-1].asked))
            told["failed"] += "error" in outcome.record
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


if __name__ == "__main__":
    main()
