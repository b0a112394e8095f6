/**
 * Maps and lists as they are written in a text: something is put into them, or taken out, in the style of what stands
 * there, and nothing else of the text changes.
 */
import { isMap, isPair, isSeq, stringify, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import type { Json } from "../api/types";
import { jsonOf, pairOf, spanOf, type Span } from "../graph/flow";
import { objectOf } from "../parts/values";

export interface Change extends Span {
  insert: string;
}

export type Entry = Pair<Node, Node | null>;
export type Item = Node | Entry;
export type WrittenMap = YAMLMap<Node, Node | null>;
type Collection = WrittenMap | YAMLSeq;

const PLAIN = /^[A-Za-z][\w ./@-]*$/;
const READ_AS_OTHER = /^(true|false|null|yes|no|on|off|~)$/i;

/** Sorted, and without overlaps: the text after them. */
export function applyChanges(text: string, changes: Change[]): string {
  return [...changes].sort((a, b) => b.from - a.from).reduce((whole, { from, to, insert }) => whole.slice(0, from) + insert + whole.slice(to), text);
}

/** What was pushed as an object is shown as JSON, and stays that. */
const isJson = (text: string): boolean => text.trimStart().startsWith("{");

/** A value on one line. */
export function writeValue(text: string, value: Json): string {
  return isJson(text) ? JSON.stringify(value) : writeFlow(value);
}

export function writeFlow(value: Json): string {
  if (typeof value !== "string") return stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 }).trim();
  return PLAIN.test(value) && !READ_AS_OTHER.test(value) && value.trim() === value ? value : JSON.stringify(value);
}

const WORD_ALONE = /^[\p{L}\p{N}\p{M}_][\p{L}\p{N}\p{M}_-]*$/u;

/** Keys are texts, however they look. */
export function writeKey(text: string, key: string): string {
  return !isJson(text) && WORD_ALONE.test(key) ? key : JSON.stringify(key);
}

/** Another word in the quotes of the one that stands there. */
export function quoteAs(written: string, word: string): string {
  if (written.startsWith('"')) return JSON.stringify(word);
  return written.startsWith("'") ? `'${word.replaceAll("'", "''")}'` : word;
}

/** An entry on one line, `key: value`. */
export const writeEntry = (text: string, key: string, value: Json): string => `${writeKey(text, key)}: ${writeValue(text, value)}`;

const spanOfItem = (item: Item): Span => {
  if (!isPair(item)) return spanOf(item as Node)!;
  const key = spanOf(item.key as Node)!;
  return { from: key.from, to: Math.max(key.to, spanOf(item.value as Node | null)?.to ?? 0) };
};

const itemsOf = (collection: Collection): Item[] => collection.items as Item[];
export const columnOf = (text: string, offset: number): number => offset - (text.lastIndexOf("\n", offset - 1) + 1);
export const needsBreak = (text: string, at: number): string => (at > 0 && text[at - 1] !== "\n" ? "\n" : "");

/** The beginning of the line behind the one with `offset`. */
function endOfLines(text: string, offset: number): number {
  const end = text.indexOf("\n", Math.max(0, offset));
  return end < 0 ? text.length : end + 1;
}

/** Without the line breaks and comments at its end, which belong to what follows. */
export function trimmed(text: string, { from, to }: Span): Span {
  return { from, to: from + text.slice(from, to).trimEnd().length };
}

/** Puts what is `written` on one line into a map or list: behind `near`, or at its end. */
export function insertInto(text: string, collection: Collection, written: string, near?: Item): Change {
  const last = near ?? itemsOf(collection).at(-1);
  if (last === undefined) {
    const { from, to } = spanOf(collection)!;
    return { from, to, insert: isMap(collection) ? `{${written}}` : `[${written}]` };
  }
  const span = spanOfItem(last);
  return collection.flow ? insertInFlow(text, span, written) : insertLine(text, span, isSeq(collection), written);
}

function insertInFlow(text: string, { from, to }: Span, written: string): Change {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const indent = text.slice(start, from);
  if (start === 0 || indent.trim() !== "") return { from: to, to, insert: `, ${written}` };
  const comma = /^[^\S\n]*,[^\S\n]*(#.*)?\n/.exec(text.slice(to));
  if (comma === null) return { from: to, to, insert: `,\n${indent}${written}` };
  const at = to + comma[0].length;
  return { from: at, to: at, insert: `${indent}${written},\n` };
}

function insertLine(text: string, { from, to }: Span, isListed: boolean, written: string): Change {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const indent = isListed ? `${text.slice(start, text.indexOf("-", start))}- ` : " ".repeat(columnOf(text, from));
  const at = endOfLines(text, Math.max(from, to - 1));
  return { from: at, to: at, insert: `${needsBreak(text, at)}${indent}${written}\n` };
}

/** Takes items out of a map or list, with what separates them from the others. */
export function removeFrom(text: string, collection: Collection, removed: Item[]): Change[] {
  const items = itemsOf(collection);
  if (!collection.flow) return removed.map((item) => removeLines(text, spanOfItem(item)));
  const changes: Change[] = [];
  for (let at = 0; at < items.length; at++) {
    if (!removed.includes(items[at]!)) continue;
    let end = at;
    while (end + 1 < items.length && removed.includes(items[end + 1]!)) end++;
    const [first, last] = [spanOfItem(items[at]!), spanOfItem(items[end]!)];
    if (end + 1 < items.length) changes.push({ from: first.from, to: spanOfItem(items[end + 1]!).from, insert: "" });
    else if (at > 0) changes.push({ from: spanOfItem(items[at - 1]!).to, to: last.to, insert: "" });
    else changes.push({ from: first.from, to: last.to + /^\s*,?/.exec(text.slice(last.to))![0].trimEnd().length, insert: "" });
    at = end;
  }
  return changes;
}

/** The whole lines of a span if nothing else but a comment is on them. */
function removeLines(text: string, { from, to }: Span): Change {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const end = endOfLines(text, Math.max(from, to - 1));
  const isAlone = /^[\s-]*$/.test(text.slice(start, from)) && /^\s*(#.*)?$/.test(text.slice(to, end).trimEnd());
  return isAlone ? { from: start, to: end, insert: "" } : { from, to, insert: "" };
}

/** Sets the value of a key; undefined takes it away. `raw` is YAML as it is to stand there. */
export function setIn(text: string, map: WrittenMap, key: string, value: Json | undefined, raw?: string): Change[] {
  const pair = pairOf(map, key);
  if (value === undefined && raw === undefined) {
    if (!pair) return [];
    if (map.items.length === 1 && !map.flow) return [{ ...trimmed(text, spanOfItem(pair)), insert: "{}" }];
    return removeFrom(text, map, [pair]);
  }
  const written = raw ?? writeValue(text, value!);
  const writeIn = (column: number) => (typeof value === "string" && value.includes("\n") && !map.flow ? writeBlock(value, column) : written);
  if (pair) {
    const inner = raw === undefined ? changeInside(text, pair.value, value!) : undefined;
    if (inner) return inner;
    const span = trimmed(text, spanOfItem(pair));
    const end = typeof value === "string" && span.to === text.length ? "\n" : ""; // which a block of lines would lose
    return [{ ...span, insert: `${text.slice(span.from, spanOf(pair.key)!.to)}: ${writeIn(columnOf(text, span.from))}${end}` }];
  }
  const column = map.items.length > 0 ? columnOf(text, spanOf(map.items[0]!.key)!.from) : 0;
  return [insertInto(text, map, `${writeKey(text, key)}: ${writeIn(column)}`)];
}

/**
 * Changes of what has changed within a map or list; undefined if that is better written anew: it is none, becomes none,
 * or has nothing in common.
 */
function changeInside(text: string, node: Node | null, value: Json): Change[] | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const before = jsonOf(node);
  if (isMap(node) && !Array.isArray(value)) return changeMap(text, node as WrittenMap, objectOf(before), value);
  return isSeq(node) && Array.isArray(value) && Array.isArray(before) ? changeList(text, node, before, value) : undefined;
}

/** Whether two values are the same, in whatever order their keys stand. */
export const areSame = (one: Json | undefined, other: Json | undefined): boolean => JSON.stringify(one, sorted) === JSON.stringify(other, sorted);

const sorted = (_key: string, value: unknown): unknown =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;

function changeMap(text: string, map: WrittenMap, before: Record<string, Json>, value: Record<string, Json>): Change[] | undefined {
  const gone = Object.keys(before).filter((key) => !(key in value));
  const changed = Object.keys(value).filter((key) => !areSame(before[key], value[key]));
  if (gone.length === Object.keys(before).length || changed.filter((key) => !(key in before)).length > 1) return undefined;
  const removed = removeFrom(text, map, gone.flatMap((key) => pairOf(map, key) ?? []));
  return [...removed, ...changed.flatMap((key) => setIn(text, map, key, value[key]))];
}

function changeList(text: string, list: YAMLSeq, before: Json[], value: Json[]): Change[] | undefined {
  const first = before.findIndex((each, at) => !areSame(each, value[at]));
  if (value.length === before.length - 1) return first >= 0 && before.length > 1 && areSame(before.toSpliced(first, 1), value) ? removeFrom(text, list, [list.items[first] as Item]) : undefined;
  if (value.length === before.length + 1) return first < 0 && before.length > 0 ? [insertInto(text, list, writeValue(text, value.at(-1)!))] : undefined;
  if (value.length !== before.length || first < 0) return undefined;
  return value.flatMap((each, at) => {
    if (areSame(before[at], each)) return [];
    const item = list.items[at] as Node;
    return changeInside(text, item, each) ?? [{ ...trimmed(text, spanOf(item)!), insert: writeValue(text, each) }];
  });
}

function writeBlock(text: string, column: number): string {
  const indent = " ".repeat(column + 2);
  const lines = text.replace(/\n$/, "").split("\n");
  return `|${text.endsWith("\n") ? "" : "-"}\n${lines.map((line) => (line ? indent + line : "")).join("\n")}`;
}

/** Sets a key that stands there without a value. */
export function fillPair(text: string, pair: Entry, written: string): Change {
  const span = spanOf(pair.value);
  if (span && span.to > span.from) return { ...span, insert: written };
  const at = text.indexOf(":", spanOf(pair.key)!.to) + 1;
  return { from: at, to: at, insert: ` ${written}` };
}

/** Puts a key at the end of the whole text. `line` is what stands on the line below it, `flow` is the same on one line. */
export function insertAtTop(text: string, top: unknown, key: string, line: string, flow: string): Change {
  if (isMap(top) && top.flow) return insertInto(text, top as WrittenMap, `${writeKey(text, key)}: ${flow}`);
  const at = /^\.\.\.\s*$/m.exec(text)?.index ?? text.length;
  return { from: at, to: at, insert: `${needsBreak(text, at)}${key}:\n  ${line}\n` };
}
