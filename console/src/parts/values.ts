import { parseJson } from "../api/exact";
import type { Json } from "../api/types";
import { t } from "../texts";

/** What `record` has of its own under a name that others have chosen: it may be `constructor`. */
export const ownOf = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;

/** The fields of an object; none of anything else. */
export const objectOf = (value: Json | undefined): Record<string, Json> => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

// Signs that change in which order others are shown (Unicode, UAX 9), and what a terminal takes as a colour.
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const COLOUR = /\u001b\[[\d;]*[A-Za-z]/g;

/** A text in which no sign moves others: `\u202e` is shown as it is escaped. */
export const inOrder = (text: string): string => text.replace(TURNING, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What a program wrote for a terminal, to be read. */
export const readable = (text: string): string => inOrder(text.replace(COLOUR, ""));

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
