/** Records of runs. */
import { ApiError, get, pathOf } from "./client";
import type { Run } from "./types";

const PAUSES_MS = [100, 300, 900];

/** A run's record. It is written a moment behind the answer that has told its id: one that is not there yet is asked for again. */
export async function loadRun(id: string): Promise<Run> {
  for (const pause of PAUSES_MS) {
    try {
      return await get<Run>(pathOf`/runs/${id}`);
    } catch (fault) {
      if (!(fault instanceof ApiError) || fault.code !== "RUN_NOT_FOUND") throw fault;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return await get<Run>(pathOf`/runs/${id}`);
}
