/**
 * Changes of a workflow's text that say what somebody did in the graph. They touch only the lines that it is about, so
 * that comments and order stay. What an edit answers is put into the editor as one change, which undo takes back.
 */
import { isMap, isSeq, type Node, type YAMLSeq } from "yaml";
import type { Contract, Json } from "../api/types";
import { INPUT, OUTPUT, jsonOf, pairOf, parseWorkflow, spanOf, textOf, type FlowEdge, type Parsed } from "../graph/flow";
import { objectOf, ownOf } from "../parts/values";
import {
  applyChanges,
  areSame,
  columnOf,
  fillPair,
  insertAtTop,
  insertInto,
  quoteAs,
  removeFrom,
  setIn,
  writeEntry,
  writeKey,
  writeValue,
  type Change,
  type Entry,
  type WrittenMap,
} from "./written";

export { applyChanges, type Change } from "./written";

const DEFAULT_RELATION = "ON_SUCCESS";
const WORD = /[\p{L}\p{N}\p{M}_-]/u;
export const NODE_NAME = /^[\p{L}\p{N}\p{M}_-]+$/u;

/** A name that no node has: the component's, with a number if need be. */
export function freeName(text: string, component: string): string {
  const { nodes } = parseWorkflow(text).flow;
  const base = component.replace(/[^\p{L}\p{N}\p{M}_-]+/gu, "_");
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!nodes.has(name)) return name;
  }
}

/** A graph is written as `flow` and `config`, or as lists of `nodes` and `edges`. */
const isListed = (parsed: Parsed): boolean => pairOf(parsed.document.contents, "edges") !== undefined || pairOf(parsed.document.contents, "nodes") !== undefined;

/** Adds a step of `component`, behind `after` if that is given. Its required fields stand there, to be filled in. */
export function addNode(text: string, name: string, component: string, contract: Contract | undefined, after?: string): Change[] {
  return addEntry(text, name, { component, ...requiredFields(contract) }, after);
}

/** Adds a step that calls another workflow. */
export const addCall = (text: string, name: string, workflow: string, after?: string): Change[] => addEntry(text, name, { workflow }, after, "CALLS_SUBFLOW");

function addEntry(text: string, name: string, entry: Record<string, Json>, after?: string, relation?: string): Change[] {
  const parsed = parseWorkflow(text);
  const changes = [isListed(parsed) ? insertListed(parsed, text, name, entry) : insertEntry(parsed, text, name, entry)];
  if (after !== undefined) changes.push(...connect(text, after, name, relation));
  return changes;
}

function requiredFields(contract: Contract | undefined): Record<string, Json> {
  const example = contract?.config_example;
  const known = example !== null && typeof example === "object" && !Array.isArray(example) ? example : {};
  const filled = new Set((contract?.credentials_required ?? []).map((credential) => credential.inject_as ?? credential.key));
  const names = (contract?.input_schema.required ?? []).filter((name) => !filled.has(name));
  return Object.fromEntries(names.map((name) => [name, ownOf(known as Record<string, Json>, name) ?? ""]));
}

/** `{a: b, ...}` without the spaces that a printer puts inside. */
const writeFields = (text: string, fields: Record<string, Json>): string =>
  `{${Object.entries(fields)
    .map(([key, value]) => writeEntry(text, key, value))
    .join(", ")}}`;

/** An entry of `config`, behind the last. */
function insertEntry(parsed: Parsed, text: string, name: string, entry: Record<string, Json>): Change {
  const [fields, config] = [writeFields(text, entry), pairOf(parsed.document.contents, "config")];
  return insertUnder(parsed, text, "config", config, `${writeKey(text, name)}: ${fields}`, (line) => `{${line}}`);
}

function insertListed(parsed: Parsed, text: string, name: string, { component, workflow, ...fields }: Record<string, Json>): Change {
  const own: Record<string, Json> = { id: name, ...(component === undefined ? { workflow: workflow! } : { component }) };
  const config = Object.keys(fields).length > 0 ? `, ${writeKey(text, "config")}: ${writeFields(text, fields)}` : "";
  const line = `${writeFields(text, own).slice(0, -1)}${config}}`;
  return insertUnder(parsed, text, "nodes", pairOf(parsed.document.contents, "nodes"), line, (written) => `[${written}]`, "- ");
}

/** Puts a line into what `key` of the text holds; `wrap` makes a collection of the line where there is none. */
function insertUnder(parsed: Parsed, text: string, key: string, pair: Entry | undefined, line: string, wrap: (line: string) => string, mark = "", near?: Node): Change {
  if (!pair) return insertAtTop(text, parsed.document.contents, key, mark + line, wrap(line));
  if (isMap(pair.value) || isSeq(pair.value)) return insertInto(text, pair.value as WrittenMap | YAMLSeq, line, near);
  const top = parsed.document.contents as WrittenMap;
  const isFlow = top.flow === true || columnOf(text, spanOf(pair.key)!.from) > 0;
  return fillPair(text, pair, isFlow ? wrap(line) : `\n  ${mark}${line}`);
}

/** A line from `source` to `target`, behind the other lines that leave `source`. */
export function connect(text: string, source: string, target: string, relation = DEFAULT_RELATION): Change[] {
  const parsed = parseWorkflow(text);
  if (parsed.flow.edges.some((edge) => edge.source === source && edge.target === target && edge.relation === relation)) return [];
  const listed = isListed(parsed);
  const line = listed
    ? writeFields(text, { from: source, ...(relation === DEFAULT_RELATION ? {} : { relation }), to: target })
    : JSON.stringify(`${source} >> ${relation} >> ${target}`);
  const key = listed ? "edges" : "flow";
  const pair = pairOf(parsed.document.contents, key);
  const own = parsed.flow.edges.filter((edge) => edge.source === source || edge.target === source).at(-1);
  const items = isSeq(pair?.value) ? (pair.value.items as Node[]) : [];
  const near = items.find((item) => own && spanOf(item)?.from === own.at.from);
  return [insertUnder(parsed, text, key, pair, line, (written) => `[${written}]`, "- ", near)];
}

/** The line of an edge with another relation. */
export function changeRelation(text: string, edge: FlowEdge, relation: string): Change[] {
  const [line] = findLine(text, edge);
  if (line === undefined) return [];
  if (isMap(line)) {
    const pair = pairOf(line, "relation");
    if (pair) return setIn(text, line as WrittenMap, "relation", relation);
    return [insertInto(text, line as WrittenMap, writeEntry(text, "relation", relation), pairOf(line, "from"))];
  }
  const parts = textOf(line).split(">>");
  const written = `${parts[0]!.trim()} >> ${relation} >> ${parts.at(-1)!.trim()}`;
  return [{ ...spanOf(line)!, insert: JSON.stringify(written) }];
}

export const removeEdge = (text: string, edge: FlowEdge): Change[] => removeEdges(text, [edge]);

function removeEdges(text: string, edges: FlowEdge[]): Change[] {
  const top = parseWorkflow(text).document.contents;
  const starts = new Set(edges.map((edge) => edge.at.from));
  return [pairOf(top, "flow")?.value, pairOf(top, "edges")?.value].flatMap((seq) => {
    if (!isSeq(seq)) return [];
    const removed = (seq.items as Node[]).filter((line) => starts.has(spanOf(line)?.from ?? -1));
    return removeFrom(text, seq, removed);
  });
}

function findLine(text: string, edge: FlowEdge): Node[] {
  const top = parseWorkflow(text).document.contents;
  const lines = [pairOf(top, "flow")?.value, pairOf(top, "edges")?.value].flatMap((seq) => (isSeq(seq) ? (seq.items as Node[]) : []));
  return lines.filter((line) => spanOf(line)?.from === edge.at.from);
}

/** Removes a step with the lines to and from it. */
export function removeNode(text: string, name: string): Change[] {
  const parsed = parseWorkflow(text);
  const edges = parsed.flow.edges.filter((edge) => edge.source === name || edge.target === name);
  return [...removeEdges(text, edges), ...removeEntry(parsed, text, name)];
}

function removeEntry({ document: { contents: top } }: Parsed, text: string, name: string): Change[] {
  const [config, nodes] = [pairOf(top, "config")?.value, pairOf(top, "nodes")?.value];
  const pair = pairOf(config, name);
  if (isMap(config) && pair) return removeFrom(text, config as WrittenMap, [pair]);
  const listed = isSeq(nodes) ? (nodes.items as Node[]).filter((each) => textOf(pairOf(each, "id")?.value) === name) : [];
  return isSeq(nodes) ? removeFrom(text, nodes, listed) : [];
}

/** Renames a step wherever it is named: its entry, the lines, and the references to it. */
export function renameNode(text: string, name: string, to: string): Change[] {
  const parsed = parseWorkflow(text);
  const changes: Change[] = [];
  const node = parsed.flow.nodes.get(name);
  if (node?.at) changes.push({ ...node.at, insert: quoteAs(text.slice(node.at.from, node.at.to), to) });
  for (const edge of parsed.flow.edges) {
    const [line] = findLine(text, edge);
    changes.push(...(isMap(line) ? renameInMap(text, line, name, to) : renameInLine(text, edge, name, to)));
  }
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

/** The ends of a line that is written as a map, and what its condition or loop refers to. */
function renameInMap(text: string, line: Node, name: string, to: string): Change[] {
  const ends = ["from", "to"].flatMap((key) => {
    const value = pairOf(line, key)?.value;
    const span = spanOf(value);
    return span && textOf(value) === name ? [{ ...span, insert: quoteAs(text.slice(span.from, span.to), to) }] : [];
  });
  const relation = pairOf(line, "relation")?.value;
  const span = spanOf(relation);
  if (!span || !/^(IF|條件滿足時|FOREACH|對每個)/i.test(textOf(relation))) return ends;
  const at = wordsIn(text.slice(span.from, span.to), name).map((found) => span.from + found);
  return [...ends, ...at.map((from) => ({ from, to: from + name.length, insert: to }))];
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
  const parsed = parseWorkflow(text);
  const entry = objectOf(jsonOf(entryMap(parsed, name)));
  if (!isListed(parsed)) return entry;
  const { config, id: _id, ...own } = entry;
  return { ...objectOf(config), ...own };
}


function entryMap(parsed: Parsed, name: string): WrittenMap | undefined {
  const top = parsed.document.contents;
  const own = pairOf(pairOf(top, "config")?.value, name)?.value;
  if (isMap(own)) return own as WrittenMap;
  const nodes = pairOf(top, "nodes")?.value;
  const listed = isSeq(nodes) ? (nodes.items as Node[]).find((each) => textOf(pairOf(each, "id")?.value) === name) : undefined;
  return isMap(listed) ? (listed as WrittenMap) : undefined;
}

/** Where a field of an entry stands or belongs: of a node in a list, in its `config` if it has one. */
function holderOf(entry: WrittenMap, field: string): WrittenMap {
  const config = pairOf(entry, "id") && !pairOf(entry, field) ? pairOf(entry, "config")?.value : undefined;
  return isMap(config) ? (config as WrittenMap) : entry;
}

/** Sets a field of a step's entry; undefined takes it away. `raw` is YAML as it is to stand there. */
export function setField(text: string, name: string, field: string, value: Json | undefined, raw?: string): Change[] {
  const parsed = parseWorkflow(text);
  const entry = entryMap(parsed, name);
  if (entry) {
    const holder = holderOf(entry, field);
    const changes = setIn(text, holder, field, value, raw);
    if (value === undefined || raw !== undefined || areSame(readEntry(applyChanges(text, changes), name)[field], value)) return changes;
    return setIn(text, holder, field, value, writeValue(text, value)); // written anew, where the small change was wrong
  }
  if (value === undefined && raw === undefined) return [];
  const line = `{${writeKey(text, field)}: ${raw ?? writeValue(text, value!)}}`;
  const bare = pairOf(pairOf(parsed.document.contents, "config")?.value, name);
  if (bare) return [fillPair(text, bare, line)];
  if (isListed(parsed)) return [insertListed(parsed, text, name, raw === undefined ? { component: name, [field]: value! } : { component: name })];
  return [insertUnder(parsed, text, "config", pairOf(parsed.document.contents, "config"), `${writeKey(text, name)}: ${line}`, (written) => `{${written}}`)];
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

