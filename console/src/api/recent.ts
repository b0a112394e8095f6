/** The last runs of each workflow, brought up to date by those that are new: each that is read is a row that the platform counts. */
import { get, queryOf } from "./client";
import { isUnderWay } from "./follow";
import { ownOf } from "../parts/values";
import type { Verdict } from "./types";

export type Runs = Record<string, Verdict[]>;

export interface Recent {
  runs: Runs;
  /** When all of them were read, by the clock here. */
  readMs: number;
}

const WHOLE_MS = 600_000; // after which all are read again
const LATE_MS = 90_000; // for so long a run may be under way before its record appears
const MOST = 20; // of a workflow, as the executor tells

/** What follows `known`. */
export async function loadRecent(known: Recent | undefined): Promise<Recent> {
  const isFresh = known !== undefined && Date.now() - known.readMs < WHOLE_MS;
  const since = isFresh ? sinceOf(known.runs) : undefined;
  const found = (await get<{ workflows: Runs }>(`/runs/recent${queryOf({ since })}`)).workflows;
  return since === undefined ? { runs: found, readMs: Date.now() } : { ...known!, runs: mergeRuns(known!.runs, found) };
}

/** From when on runs may be new or may have gone on: an ISO time by the platform's clock, which their ids tell. */
export function sinceOf(runs: Runs): string | undefined {
  const all = Object.values(runs).flat();
  if (all.length === 0) return undefined;
  const newest = Math.max(...all.map((run) => timeOf(run.run_id)));
  const underWay = all.filter((run) => isUnderWay(run.status)).map((run) => timeOf(run.run_id));
  const from = Math.max(newest - WHOLE_MS, Math.min(newest - LATE_MS, ...underWay));
  return new Date(from).toISOString();
}

/** `known` with `found`, which tells more of the same runs; the newest of each workflow. */
export function mergeRuns(known: Runs, found: Runs): Runs {
  const merge = (name: string, runs: Verdict[]) => {
    const byId = new Map([...(ownOf(known, name) ?? []), ...runs].map((run) => [run.run_id, run]));
    return [...byId.values()].sort((a, b) => (a.run_id < b.run_id ? 1 : -1)).slice(0, MOST);
  };
  const changed = Object.entries(found).map(([name, runs]) => [name, merge(name, runs)] as const);
  return Object.fromEntries([...Object.entries(known), ...changed]);
}

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The time in a run's id, a ULID, in milliseconds since 1970. */
export const timeOf = (id: string): number => [...id.slice(0, 10)].reduce((ms, digit) => ms * 32 + DIGITS.indexOf(digit), 0);
