/**
 * The graph in a workflow's text, as far as it can be read: it is drawn while somebody types, when half of it is wrong.
 * What is right is said by `POST /validate`. The language: docs/language.md.
 */
import { LineCounter, isMap, isScalar, isSeq, parseDocument, type Document, type Node, type Pair, type ScalarTag, type Tags, type YAMLMap } from "yaml";
import type { Json } from "../api/types";

export type EdgeKind = "success" | "failure" | "condition" | "loop" | "after" | "call";

/** `from` and `to` are offsets in the text. */
export interface Span {
  from: number;
  to: number;
}

export interface FlowNode {
  name: string;
  component: string;
  /** Its name, in `config` or `nodes`; undefined if it has no entry. */
  at?: Span;
  entry?: Span;
}

export interface FlowEdge {
  source: string;
  target: string;
  relation: string;
  kind: EdgeKind;
  at: Span;
}

export interface Flow {
  name: string;
  nodes: Map<string, FlowNode>;
  edges: FlowEdge[];
}

const ALIASES = new Map(Object.entries({ trigger: "input", webhook: "input", start: "input", result: "output", end: "output", done: "output" }));
export const INPUT = "input";
export const OUTPUT = "output";
const ENDS = new Set([INPUT, OUTPUT, "stop", "break", "respond"]);
export const isEnd = (name: string): boolean => ENDS.has(name);

const WORDS: [EdgeKind, RegExp][] = [
  ["failure", /^(ON_FAIL|FAIL|失敗時)$/i],
  ["condition", /^(ON_TRUE|TRUE|成立時|為真時|ON_FALSE|FALSE|ELSE|不成立時|為假時|否則)$/i],
  ["condition", /^(ON_BRANCH|BRANCH|分支|IF|條件滿足時)/i],
  ["loop", /^(FOREACH|對每個)/i],
  ["after", /^CONTINUE/i],
  ["call", /^(CALLS_SUBFLOW|SUBFLOW)$/i],
];

export const kindOf = (relation: string): EdgeKind => WORDS.find(([, pattern]) => pattern.test(relation.trim()))?.[0] ?? "success";

/** What is written at an edge: nothing where it is the usual one. */
export function labelOf(edge: FlowEdge): string {
  if (edge.kind === "success" || edge.kind === "call") return "";
  const short = edge.relation.trim().replace(/^ON_/i, "").replace(/^BRANCH\s*\(\s*(.*?)\s*\)$/i, "$1");
  if (edge.kind === "after") return "after all";
  if (edge.kind === "loop") return short.replace(/\s+IN\s.*$/i, "").replace(/^FOREACH/i, "each");
  return edge.kind === "failure" ? "fail" : short.replace(/^(TRUE|FALSE|ELSE)$/i, (word) => word.toLowerCase());
}

export interface Parsed {
  document: Document;
  lines: LineCounter;
  flow: Flow;
}

/** A number is what JSON writes as one: 0912345678 and +886 are texts. core/arcrun/yaml_text.py */
const NUMBER: ScalarTag = {
  default: true,
  tag: "tag:yaml.org,2002:float",
  test: /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/,
  resolve: (text) => Number(text),
};
const withNumbers = (tags: Tags): Tags => [...tags.filter((tag) => typeof tag === "string" || !/:(int|float)$/.test(tag.tag)), NUMBER];

export function parseWorkflow(text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: false, uniqueKeys: false, version: "1.2", customTags: withNumbers });
  return { document, lines, flow: readFlow(document) };
}

export function pairOf(map: unknown, key: string): Pair<Node, Node | null> | undefined {
  if (!isMap(map)) return undefined;
  return (map as YAMLMap<Node, Node | null>).items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);
}

export const spanOf = (node: Node | null | undefined): Span | undefined =>
  node?.range ? { from: node.range[0], to: node.range[1] } : undefined;

export const textOf = (node: unknown): string => (isScalar(node) ? String(node.value ?? "") : "");

/** The value of a part of the text; undefined if it has none, such as of an alias that grows without end. */
export function jsonOf(node: Node | null | undefined): Json | undefined {
  try {
    return node?.toJSON() as Json | undefined;
  } catch {
    return undefined;
  }
}

function readFlow(document: Document): Flow {
  const top = document.contents;
  const flow: Flow = { name: textOf(pairOf(top, "name")?.value), nodes: new Map(), edges: [] };
  const isListed = pairOf(top, "nodes") !== undefined || pairOf(top, "edges") !== undefined;
  const lines = pairOf(top, isListed ? "edges" : "flow")?.value;
  if (isSeq(lines)) {
    for (const line of lines.items) {
      const edge = isListed ? readEdge(line as Node) : readLine(line as Node);
      if (edge) flow.edges.push(edge);
    }
  }
  for (const entry of isListed ? listedEntries(top) : configEntries(top)) flow.nodes.set(entry.name, entry);
  for (const { source, target } of flow.edges) {
    for (const name of [source, target]) if (!flow.nodes.has(name)) flow.nodes.set(name, { name, component: isEnd(name) ? "" : name });
  }
  return flow;
}

function readLine(line: Node): FlowEdge | undefined {
  const text = textOf(line).replaceAll("＞", ">");
  const first = text.indexOf(">>");
  const last = text.lastIndexOf(">>");
  if (first < 0 || last <= first) return undefined;
  const source = text.slice(0, first).trim();
  const target = text.slice(last + 2).trim();
  return source && target ? makeEdge(source, text.slice(first + 2, last).trim(), target, line) : undefined;
}

function readEdge(line: Node): FlowEdge | undefined {
  const [source, target] = [textOf(pairOf(line, "from")?.value), textOf(pairOf(line, "to")?.value)];
  return source && target ? makeEdge(source, textOf(pairOf(line, "relation")?.value) || "ON_SUCCESS", target, line) : undefined;
}

function makeEdge(source: string, relation: string, target: string, line: Node): FlowEdge {
  const at = spanOf(line) ?? { from: 0, to: 0 };
  return { source: ALIASES.get(source) ?? source, relation, kind: kindOf(relation), target: ALIASES.get(target) ?? target, at };
}

function* configEntries(top: unknown): Generator<FlowNode> {
  const config = pairOf(top, "config")?.value;
  if (!isMap(config)) return;
  for (const pair of (config as YAMLMap<Node, Node | null>).items) {
    const name = textOf(pair.key);
    if (!name) continue;
    const at = spanOf(pair.key);
    yield { name, component: componentIn(pair.value, name), at, entry: at && { from: at.from, to: spanOf(pair.value)?.to ?? at.to } };
  }
}

function* listedEntries(top: unknown): Generator<FlowNode> {
  const nodes = pairOf(top, "nodes")?.value;
  if (!isSeq(nodes)) return;
  for (const entry of nodes.items as Node[]) {
    const id = pairOf(entry, "id")?.value;
    const name = textOf(id);
    if (name) yield { name, component: componentIn(entry, name), at: spanOf(id), entry: spanOf(entry) };
  }
}

function componentIn(entry: unknown, name: string): string {
  const workflow = textOf(pairOf(entry, "workflow")?.value);
  return workflow ? `workflow:${workflow}` : textOf(pairOf(entry, "component")?.value) || name;
}

/** The node or edge at an offset of the text. */
export function findAt(flow: Flow, offset: number): string | undefined {
  const covers = (span: Span | undefined) => span !== undefined && span.from <= offset && offset <= span.to;
  for (const node of flow.nodes.values()) if (covers(node.entry)) return node.name;
  const edge = flow.edges.find(({ at }) => covers(at));
  return edge && (isEnd(edge.target) ? edge.source : edge.target);
}

/** A workflow's text, with line feeds alone as the editor has it; one that was stored as an object is shown as JSON. */
export function sourceText(source: string | object): string {
  return typeof source === "string" ? source.replaceAll(/\r\n?/g, "\n") : JSON.stringify(source, null, 2);
}

/** `text` with the line breaks of what was stored before: a file of Windows stays one. */
export function withBreaksOf(source: string | object | undefined, text: string): string {
  return typeof source === "string" && /\r\n/.test(source) ? text.replaceAll("\n", "\r\n") : text;
}
