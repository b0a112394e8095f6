/** Records of runs. */
import { get, pathOf } from "./client";
import type { Run } from "./types";

const WAIT_MS = 1_500;

/** A run's record. It is stored a moment behind the answer that has told its id: the executor waits for it. */
export const loadRun = (id: string): Promise<Run> => get<Run>(`${pathOf`/runs/${id}`}?wait_ms=${WAIT_MS}`);
