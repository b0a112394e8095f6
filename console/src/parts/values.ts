import { parseJson } from "../api/exact";
import type { Json } from "../api/types";
import { t } from "../texts";

/** What `record` has of its own under a name that others have chosen: it may be `constructor`. */
export const ownOf = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;

/** The fields of an object; none of anything else. */
export const objectOf = (value: Json | undefined): Record<string, Json> => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

/** A size in words. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** Why a text is no JSON; undefined if it is. */
export function jsonProblem(text: string): string | undefined {
  try {
    parseJson(text);
    return undefined;
  } catch (fault) {
    return t("not_json", { reason: (fault as Error).message });
  }
}
