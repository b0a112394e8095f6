/** What a finding's hint says to do, as a change of the text: one click instead of typing it. */
import type { Diagnostic } from "../api/types";
import { parseWorkflow } from "../graph/flow";
import { setField, type Change } from "./edits";

export interface Fix {
  title: string;
  changes: Change[];
}

const MEANT = /Did you mean [`']?([^`'?]+?)[`']?\?/;
const ADDED = /^Add `([\w-]+): (.+?)`/;
const QUOTED = /[`'"{]{1,2}([^`'"{}]+)[`'"}]{1,2}/g;

/** The place of a finding: from its column to the end of the word there. */
export function placeOf(text: string, finding: Diagnostic): { from: number; to: number } {
  const lines = text.split("\n");
  const number = Math.min(Math.max(1, finding.line ?? 1), lines.length);
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const line = lines[number - 1]!;
  const first = line.length - line.trimStart().length;
  const column = Math.min(Math.max(first, (finding.column ?? 1) - 1), line.length);
  const rest = line.slice(column);
  const length = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0].length ?? /^'[^']*'/.exec(rest)?.[0].length ?? /^[^\s,:}\]]+/.exec(rest)?.[0].length ?? rest.length;
  return { from: start + column, to: start + column + Math.max(1, Math.min(length, rest.length)) };
}

export function fixesOf(text: string, finding: Diagnostic): Fix[] {
  if (!finding.hint) return [];
  const meant = MEANT.exec(finding.hint)?.[1];
  if (meant) {
    const found = findWrong(text, finding, meant);
    return found ? [{ title: meant, changes: [{ ...found, insert: meant }] }] : [];
  }
  const added = ADDED.exec(finding.hint);
  const node = added && nodeOf(text, finding);
  return added && node ? [{ title: `${added[1]}: ${added[2]}`, changes: setField(text, node, added[1]!, null, added[2]) }] : [];
}

/** The wrong word that the message quotes, on the finding's line at or behind its column. */
function findWrong(text: string, finding: Diagnostic, meant: string): { from: number; to: number } | undefined {
  const place = placeOf(text, finding);
  const lineEnd = text.indexOf("\n", place.from);
  const rest = text.slice(place.from, lineEnd < 0 ? text.length : lineEnd);
  const quoted = [...finding.message.matchAll(QUOTED)].map((match) => match[1]!.trim());
  const words = quoted.flatMap((name) => [name, name.split(".").at(-1)!, name.split(".")[0]!]);
  for (const word of words) {
    const at = word === "" || word === meant ? -1 : rest.indexOf(word);
    if (at >= 0 && (meant.endsWith(`.${word}`) || distance(word, meant) <= Math.max(3, meant.length / 2))) return { from: place.from + at, to: place.from + at + word.length };
  }
  return undefined;
}

/** The number of letters to add, remove or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1]!.toLowerCase() === b[j - 1]!.toLowerCase() ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The step whose entry has the finding. */
export function nodeOf(text: string, finding: Diagnostic): string | undefined {
  const { from } = placeOf(text, finding);
  for (const node of parseWorkflow(text).flow.nodes.values()) {
    if (node.entry && node.entry.from <= from && from <= node.entry.to) return node.name;
  }
  return undefined;
}
