/** What may stand at a place of a workflow's text: relations, steps, components, their fields, references. */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { Contract, Schema } from "../api/types";
import type { Flow } from "../graph/flow";
import { ownOf } from "../parts/values";

export interface Known {
  /** As the text was a moment ago: reading it anew at each key would take too long. */
  flow: Flow;
  contracts: Contract[];
  credentials: string[];
  workflows: string[];
}

const RELATIONS = ["ON_SUCCESS", "ON_FAIL", "ON_TRUE", "ON_FALSE", "ON_BRANCH(", "IF(", "FOREACH item IN ", "CONTINUE", "CALLS_SUBFLOW"];
const CLOCKS = "_now _now_unix _today _yesterday _year _month _day _hour _minute _second _weekday _iso_week _yyyymm _yyyymmdd".split(" ");
const REQUEST = "method path query query_all headers content_type text received_at ip".split(" ");
const FILTERS = "default upper lower trim join map length first last json round sort unique".split(" ");
const SETTINGS = "take retry repeat join foreach undo timeout_ms cpu_ms credentials idempotency_key once".split(" ");
const TOP = "name description flow config triggers input_schema response durable timeout_ms record on_failure vars".split(" ");
const RETRY = "max_attempts backoff initial_ms max_ms jitter on".split(" ");

const options = (labels: string[], type: string, detail?: (label: string) => string | undefined): Completion[] =>
  labels.map((label) => ({ label, type, detail: detail?.(label) }));

export function completeWith(known: () => Known) {
  return (context: CompletionContext): CompletionResult | null => {
    const text = context.state.doc.toString();
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    return completeAt(text, context.pos, before, known(), context.explicit);
  };
}

/** `before` is the line up to the place. */
export function completeAt(text: string, pos: number, before: string, known: Known, isExplicit = false): CompletionResult | null {
  const { flow } = known;
  const word = /[\p{L}\p{N}\p{M}_-]*$/u.exec(before)![0];
  const from = pos - word.length;
  const answer = (found: Completion[]): CompletionResult | null => (found.length > 0 ? { from, options: found, validFor: /^[\p{L}\p{N}\p{M}_-]*$/u } : null);

  if (/^\s*#/.test(before)) return null;
  const template = /\{\{([^{}]*)$/.exec(before);
  if (template) return answer(referencesAt(template[1]!, flow, known));
  if (/^\s*-\s*["']?[^"']*$/.test(before) && isInFlow(text, pos)) return answer(lineParts(before, flow));

  const contracts = new Map(known.contracts.map((contract) => [contract.canonical_id, contract]));
  if (/component:\s*["']?[\w-]*$/.test(before)) return answer(options([...contracts.keys()], "class", (id) => contracts.get(id)?.display_name));
  if (/workflow:\s*["']?[\w-]*$/.test(before)) return answer(options(known.workflows, "class"));
  if (/credential:\s*["']?[\w-]*$/.test(before)) return answer(options(known.credentials, "variable"));

  const node = flow.nodes.get(entryAt(text, pos) ?? "");
  const key = /(?:[{,]\s*|^\s+)["']?[\w-]*$/.test(before);
  if (node && key) {
    const retry = /retry:\s*\{[^}]*$/.test(before);
    if (retry) return answer(options(RETRY, "property"));
    const contract = contracts.get(node.component);
    const properties = contract?.input_schema.properties ?? {};
    const fields = options(Object.keys(properties), "property", (name) => typeName(properties[name]!));
    return answer([...fields.map((field) => ({ ...field, apply: `${field.label}: `, info: properties[field.label]?.description })), ...options(["component", ...SETTINGS], "keyword").map((each) => ({ ...each, apply: `${each.label}: ` }))]);
  }
  const value = /(?:[{,]\s*|^\s*)([\w-]+):\s*["']?[\w-]*$/.exec(before);
  if (node && value) {
    const property = ownOf(contracts.get(node.component)?.input_schema.properties, value[1]!);
    if (property?.enum) return answer(options(property.enum.map(String), "enum"));
    if (property?.type === "boolean") return answer(options(["true", "false"], "enum"));
  }
  if (/^[\w-]*$/.test(before) && (word !== "" || isExplicit)) return answer(options(TOP, "keyword").map((each) => ({ ...each, apply: `${each.label}: ` })));
  return null;
}

/** The step whose entry of `config` a place is in, by the lines above it. */
function entryAt(text: string, pos: number): string | undefined {
  const above = text.slice(0, text.indexOf("\n", pos) < 0 ? text.length : text.indexOf("\n", pos)).split("\n");
  const start = above.findLastIndex((line) => /^config:/.test(line));
  if (start < 0 || above.slice(start + 1).some((line) => /^[^\s#]/.test(line))) return undefined;
  const found = above.slice(start + 1).flatMap((line) => {
    const match = /^( +)["']?([\p{L}\p{N}\p{M}_-]+)["']?:/u.exec(line);
    return match ? [{ indent: match[1]!.length, name: match[2]! }] : [];
  });
  if (found.length === 0) return undefined;
  const least = Math.min(...found.map(({ indent }) => indent));
  return found.findLast(({ indent }) => indent === least)?.name;
}

const typeName = (schema: Schema): string => (schema.enum ? schema.enum.slice(0, 4).join(" | ") : Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? ""));

function isInFlow(text: string, pos: number): boolean {
  const heads = [...text.slice(0, pos).matchAll(/^([A-Za-z_][\w-]*):/gm)];
  return heads.at(-1)?.[1] === "flow";
}

function lineParts(before: string, flow: Flow): Completion[] {
  const parts = before.split(">>").length;
  const names = [...flow.nodes.keys()];
  if (parts === 2) return [...options(RELATIONS, "keyword")];
  const ends = parts === 1 ? ["input"] : ["output", "stop", "respond"];
  return options([...new Set([...ends, ...names])], "variable", (name) => flow.nodes.get(name)?.component);
}

/** `inside` is the template up to the place: `orders.data.it`. */
function referencesAt(inside: string, flow: Flow, known: Known): Completion[] {
  if (/\|\s*\w*$/.test(inside)) return options(FILTERS, "function");
  const path = /[\p{L}\p{N}\p{M}_.\-[\]]*$/u.exec(inside)![0];
  const parts = path.split(".");
  const [root, ...rest] = parts;
  if (parts.length === 1) {
    const nodes = [...flow.nodes.values()].filter(({ name }) => name !== "output");
    return [
      ...options(nodes.map(({ name }) => name), "variable", (name) => flow.nodes.get(name)?.component),
      ...options(["input", "request", "credential"].filter((name) => !flow.nodes.has(name)), "variable"),
      ...options(CLOCKS, "constant"),
    ];
  }
  if (root === "credential" || root === "creds") return options(known.credentials, "variable");
  if (root === "request") return options(REQUEST, "property");
  const node = flow.nodes.get(root!);
  if (!node || node.name === "input") return [];
  if (rest.length === 1) return options(["data", "error", "success"], "property");
  if (rest[0] === "error") return options(["code", "message", "details"], "property");
  let schema: Schema | undefined = known.contracts.find(({ canonical_id }) => canonical_id === node.component)?.output_schema;
  for (const part of rest.slice(1, -1)) schema = stepInto(schema, part);
  const properties = schema?.properties ?? {};
  return options(Object.keys(properties), "property", (name) => typeName(properties[name]!));
}

function stepInto(schema: Schema | undefined, part: string): Schema | undefined {
  const name = part.replace(/\[.*$/, "");
  const inner = ownOf(schema?.properties, name);
  return part.includes("[") ? inner?.items : inner;
}
