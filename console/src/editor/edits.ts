/**
 * Changes of a workflow's text that say what somebody did in the graph. They touch only the lines that it is about, so
 * that comments and order stay. What an edit answers is put into the editor as one change, which undo takes back.
 */
import { isMap, isSeq, stringify, type Node, type Pair, type YAMLMap } from "yaml";
import type { Contract, Json } from "../api/types";
import { INPUT, OUTPUT, pairOf, parseWorkflow, spanOf, textOf, valueOf, type FlowEdge, type Parsed, type Span } from "../graph/flow";
import { ownOf } from "../parts/values";

export interface Change extends Span {
  insert: string;
}

const DEFAULT_RELATION = "ON_SUCCESS";
const WORD = /[\p{L}\p{N}\p{M}_-]/u;
export const NODE_NAME = /^[\p{L}\p{N}\p{M}_-]+$/u;

/** Sorted, and without overlaps: the text after them. */
export function applyChanges(text: string, changes: Change[]): string {
  return [...changes].sort((a, b) => b.from - a.from).reduce((whole, { from, to, insert }) => whole.slice(0, from) + insert + whole.slice(to), text);
}

/** A name that no node has: the component's, with a number if need be. */
export function freeName(text: string, component: string): string {
  const { nodes } = parseWorkflow(text).flow;
  const base = component.replace(/[^\p{L}\p{N}\p{M}_-]+/gu, "_");
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!nodes.has(name)) return name;
  }
}

/** Adds a step of `component`, behind `after` if that is given. Its required fields stand there, to be filled in. */
export function addNode(text: string, name: string, component: string, contract: Contract | undefined, after?: string): Change[] {
  const parsed = parseWorkflow(text);
  const fields = requiredFields(contract);
  const entry = Object.keys(fields).length > 0 ? stringify(fields, { collectionStyle: "flow", lineWidth: 0 }).trim().slice(1, -1).trim() : "";
  const line = `${name}: {component: ${component}${entry ? `, ${entry}` : ""}}`;
  const changes = [insertEntry(parsed, text, line)];
  if (after !== undefined) changes.push(...connect(text, after, name));
  return changes;
}

function requiredFields(contract: Contract | undefined): Record<string, Json> {
  const example = contract?.config_example;
  const known = example !== null && typeof example === "object" && !Array.isArray(example) ? example : {};
  const filled = new Set((contract?.credentials_required ?? []).map((credential) => credential.inject_as ?? credential.key));
  const names = (contract?.input_schema.required ?? []).filter((name) => !filled.has(name));
  return Object.fromEntries(names.map((name) => [name, ownOf(known as Record<string, Json>, name) ?? ""]));
}

/** The place of a line behind the last entry of `config`. */
function insertEntry(parsed: Parsed, text: string, line: string): Change {
  const config = pairOf(parsed.document.contents, "config");
  if (!isMap(config?.value) || config.value.items.length === 0) return appendTop(text, config ? undefined : "config", `  ${line}`, config);
  const map = config.value as YAMLMap<Node, Node | null>;
  const last = map.items.at(-1)!;
  if (map.flow) {
    const at = spanOf(last.value as Node)?.to ?? spanOf(last.key)!.to;
    return { from: at, to: at, insert: `, ${line}` };
  }
  const indent = columnOf(text, spanOf(last.key)!.from);
  const at = endOfLines(text, contentEnd(last));
  return { from: at, to: at, insert: `${needsBreak(text, at)}${" ".repeat(indent)}${line}\n` };
}

/** A line at the end of the text, below `key:` where that is missing. */
function appendTop(text: string, key: string | undefined, line: string, pair?: Pair<Node, Node | null>): Change {
  if (key === undefined && pair) {
    const at = endOfLines(text, spanOf(pair.key)!.to);
    return { from: at, to: at, insert: `${needsBreak(text, at)}${line}\n` };
  }
  return { from: text.length, to: text.length, insert: `${needsBreak(text, text.length)}${key}:\n${line}\n` };
}

const columnOf = (text: string, offset: number): number => offset - (text.lastIndexOf("\n", offset - 1) + 1);
const needsBreak = (text: string, at: number): string => (at > 0 && text[at - 1] !== "\n" ? "\n" : "");

/** The beginning of the line behind the one with `offset`. */
function endOfLines(text: string, offset: number): number {
  const end = text.indexOf("\n", Math.max(0, offset));
  return end < 0 ? text.length : end + 1;
}

/** Where what a pair holds ends, without the empty lines and comments behind it. */
function contentEnd(pair: Pair<Node, Node | null>): number {
  const range = (pair.value as Node | null)?.range ?? (pair.key as Node).range!;
  return Math.max(range[0], range[1] - 1);
}

/** A line from `source` to `target`, behind the other lines that leave `source`. */
export function connect(text: string, source: string, target: string, relation = DEFAULT_RELATION): Change[] {
  const parsed = parseWorkflow(text);
  if (parsed.flow.edges.some((edge) => edge.source === source && edge.target === target && edge.relation === relation)) return [];
  const top = parsed.document.contents;
  const isListed = pairOf(top, "edges") !== undefined || pairOf(top, "nodes") !== undefined;
  const line = isListed
    ? `{from: ${source}, ${relation === DEFAULT_RELATION ? "" : `relation: ${JSON.stringify(relation)}, `}to: ${target}}`
    : JSON.stringify(`${source} >> ${relation} >> ${target}`);
  const pair = pairOf(top, isListed ? "edges" : "flow");
  const lines = pair?.value;
  if (!isSeq(lines) || lines.items.length === 0) return [appendTop(text, pair ? undefined : isListed ? "edges" : "flow", `  - ${line}`, pair)];
  const own = parsed.flow.edges.filter((edge) => edge.source === source || edge.target === source).at(-1);
  const items = lines.items as Node[];
  const near = items.find((item) => own && spanOf(item)?.from === own.at.from) ?? items.at(-1)!;
  const { from, to } = spanOf(near)!;
  if (lines.flow) return [{ from: to, to, insert: `, ${line}` }];
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const indent = text.slice(start, text.indexOf("-", start));
  const at = endOfLines(text, to - 1);
  return [{ from: at, to: at, insert: `${needsBreak(text, at)}${indent}- ${line}\n` }];
}

/** The line of an edge with another relation. */
export function changeRelation(text: string, edge: FlowEdge, relation: string): Change[] {
  const line = findLine(text, edge);
  if (line === undefined) return [];
  if (isMap(line)) {
    const pair = pairOf(line, "relation");
    const value = spanOf(pair?.value);
    if (value) return [{ ...value, insert: JSON.stringify(relation) }];
    const at = spanOf(pairOf(line, "from")?.value)!.to;
    return [{ from: at, to: at, insert: `, relation: ${JSON.stringify(relation)}` }];
  }
  const parts = textOf(line).split(">>");
  const written = `${parts[0]!.trim()} >> ${relation} >> ${parts.at(-1)!.trim()}`;
  return [{ ...spanOf(line)!, insert: JSON.stringify(written) }];
}

export function removeEdge(text: string, edge: FlowEdge): Change[] {
  const line = findLine(text, edge);
  return line === undefined ? [] : [removalOf(text, spanOf(line)!)];
}

function findLine(text: string, edge: FlowEdge): Node | undefined {
  const top = parseWorkflow(text).document.contents;
  const lines = [pairOf(top, "flow")?.value, pairOf(top, "edges")?.value].flatMap((seq) => (isSeq(seq) ? (seq.items as Node[]) : []));
  return lines.find((line) => spanOf(line)?.from === edge.at.from);
}

/** The whole lines of a span if nothing else is on them; else the span with the comma beside it. */
function removalOf(text: string, { from, to }: Span): Change {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const end = endOfLines(text, Math.max(from, to - 1));
  const isAlone = /^[\s-]*$/.test(text.slice(start, from)) && /^\s*(#.*)?$/.test(text.slice(to, end).trimEnd());
  if (isAlone) return { from: start, to: end, insert: "" };
  const after = /^\s*,\s*/.exec(text.slice(to));
  if (after) return { from, to: to + after[0].length, insert: "" };
  const before = /,\s*$/.exec(text.slice(0, from));
  return { from: before ? from - before[0].length : from, to, insert: "" };
}

/** Removes a step with the lines to and from it. */
export function removeNode(text: string, name: string): Change[] {
  const parsed = parseWorkflow(text);
  const node = parsed.flow.nodes.get(name);
  const edges = parsed.flow.edges.filter((edge) => edge.source === name || edge.target === name);
  const changes = edges.flatMap((edge) => removeEdge(text, edge));
  if (node?.entry) changes.push(removalOf(text, node.entry));
  return changes;
}

/** Renames a step wherever it is named: its entry, the lines, and the references to it. */
export function renameNode(text: string, name: string, to: string): Change[] {
  const parsed = parseWorkflow(text);
  const changes: Change[] = [];
  const node = parsed.flow.nodes.get(name);
  if (node?.at) changes.push({ ...node.at, insert: to });
  for (const edge of parsed.flow.edges) changes.push(...renameInLine(text, edge, name, to));
  const covered = [...changes];
  // `{{name.data...}}` anywhere else; in code, which is no template, too: what reads its input by that name there does not.
  for (const [start, inner] of templatesIn(text)) {
    const approved = inner.indexOf(`run.approve.${name}`) >= 0 ? [inner.indexOf(`run.approve.${name}`) + "run.approve.".length] : [];
    for (const at of [...wordsIn(inner, name), ...approved]) changes.push({ from: start + at, to: start + at + name.length, insert: to });
  }
  const taken = /(?<=^|[\s,{])take:\s*"?([\p{L}\p{N}\p{M}_-]+)/gmu;
  for (const match of text.matchAll(taken)) {
    const from = match.index + match[0].length - match[1]!.length;
    if (match[1] === name) changes.push({ from, to: from + name.length, insert: to });
  }
  const overlaps = (change: Change) => covered.some((other) => other !== change && other.from < change.to && change.from < other.to);
  return changes.filter((change) => covered.includes(change) || !overlaps(change));
}

/** Its ends, and what a condition or a loop refers to; a branch of that name is not the step. */
function renameInLine(text: string, edge: FlowEdge, name: string, to: string): Change[] {
  const written = text.slice(edge.at.from, edge.at.to);
  const middle = written.indexOf(edge.relation);
  const refersInside = edge.kind === "loop" || /^(IF|條件滿足時)/i.test(edge.relation);
  const isEnd = (at: number) => (at < middle ? edge.source === name : at >= middle + edge.relation.length && edge.target === name);
  return wordsIn(written, name)
    .filter((at) => isEnd(at) || (refersInside && at >= middle && at < middle + edge.relation.length))
    .map((at) => ({ from: edge.at.from + at, to: edge.at.from + at + name.length, insert: to }));
}

function* templatesIn(text: string): Generator<[number, string]> {
  for (const match of text.matchAll(/\{\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\}/g)) yield [match.index + 2, match[1]!];
}

/** Where `word` stands by itself and is no key behind a dot or in brackets, nor a text in quotes. */
function wordsIn(text: string, word: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const [before, after] = [text[at - 1] ?? " ", text[at + word.length] ?? " "];
    const isText = /["'`]/.test(before) && /[\\"'`]/.test(after);
    if (!WORD.test(before) && before !== "." && !isText && !WORD.test(after)) found.push(at);
  }
  return found;
}

/** What the entry of a step says, as values: of its own fields, and of the language's. */
export function readEntry(text: string, name: string): Record<string, Json> {
  const entry = entryMap(parseWorkflow(text), name);
  const value = valueOf(entry);
  return value !== null && typeof value === "object" ? (value as Record<string, Json>) : {};
}

function entryMap(parsed: Parsed, name: string): YAMLMap<Node, Node | null> | undefined {
  const top = parsed.document.contents;
  const own = pairOf(pairOf(top, "config")?.value, name)?.value;
  if (isMap(own)) return own as YAMLMap<Node, Node | null>;
  const nodes = pairOf(top, "nodes")?.value;
  const listed = isSeq(nodes) ? (nodes.items as Node[]).find((each) => textOf(pairOf(each, "id")?.value) === name) : undefined;
  return isMap(listed) ? (listed as YAMLMap<Node, Node | null>) : undefined;
}

/** Sets a field of a step's entry; undefined takes it away. `raw` is YAML as it is to stand there. */
export function setField(text: string, name: string, field: string, value: Json | undefined, raw?: string): Change[] {
  const parsed = parseWorkflow(text);
  const entry = entryMap(parsed, name);
  if (!entry) {
    if (value === undefined && raw === undefined) return [];
    return [insertEntry(parsed, text, `${name}: {${field}: ${raw ?? writeFlow(value as Json)}}`)];
  }
  const pair = pairOf(entry, field);
  const span = pair && { from: spanOf(pair.key)!.from, to: spanOf(pair.value as Node)?.to ?? spanOf(pair.key)!.to };
  if (value === undefined && raw === undefined) return span ? [removalOf(text, trimmed(text, span))] : [];
  const written = raw ?? writeFlow(value as Json);
  const isLong = typeof value === "string" && value.includes("\n") && !entry.flow;
  if (pair && span) {
    const column = columnOf(text, span.from);
    return [{ ...trimmed(text, span), insert: `${field}: ${isLong ? writeBlock(value, column) : written}` }];
  }
  if (entry.flow) return [insertInFlow(entry, `${field}: ${written}`)];
  const last = entry.items.at(-1);
  if (!last) return [];
  const column = columnOf(text, spanOf(last.key)!.from);
  const at = endOfLines(text, contentEnd(last));
  return [{ from: at, to: at, insert: `${needsBreak(text, at)}${" ".repeat(column)}${field}: ${isLong ? writeBlock(value, column) : written}\n` }];
}

function insertInFlow(entry: YAMLMap<Node, Node | null>, line: string): Change {
  const last = entry.items.at(-1);
  if (!last) {
    const { from, to } = spanOf(entry)!;
    return { from, to, insert: `{${line}}` };
  }
  const at = spanOf(last.value as Node)?.to ?? spanOf(last.key)!.to;
  return { from: at, to: at, insert: `, ${line}` };
}

/** Without the line breaks and comments at its end, which belong to what follows. */
function trimmed(text: string, { from, to }: Span): Span {
  const content = text.slice(from, to);
  return { from, to: from + content.trimEnd().length };
}

const PLAIN = /^[A-Za-z][\w ./@-]*$/;
const READ_AS_OTHER = /^(true|false|null|yes|no|on|off|~)$/i;

/** A value on one line. */
export function writeFlow(value: Json): string {
  if (typeof value !== "string") return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim();
  return PLAIN.test(value) && !READ_AS_OTHER.test(value) && value.trim() === value ? value : JSON.stringify(value);
}

function writeBlock(text: string, column: number): string {
  const indent = " ".repeat(column + 2);
  const lines = text.replace(/\n$/, "").split("\n");
  return `|${text.endsWith("\n") ? "" : "-"}\n${lines.map((line) => (line ? indent + line : "")).join("\n")}`;
}

/** A new workflow that does something at once. */
export const emptyWorkflow = (name: string): string => `name: ${name}
flow:
  - "${INPUT} >> ${DEFAULT_RELATION} >> hello"
  - "hello >> ${DEFAULT_RELATION} >> ${OUTPUT}"
config:
  hello: {component: set, values: {text: "Hello {{input.name | default(\\"world\\")}}"}}
`;

/** The text with another `name:`. */
export function renameWorkflow(text: string, name: string): string {
  const value = spanOf(pairOf(parseWorkflow(text).document.contents, "name")?.value);
  return value ? applyChanges(text, [{ ...value, insert: name }]) : `name: ${name}\n${text}`;
}

