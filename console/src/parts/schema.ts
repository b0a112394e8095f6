/** Schemas as somebody has written them: half a text that is being typed, or a component of somebody else. */
import type { Json, Schema } from "../api/types";

const MAX_DEPTH = 12; // of what is shown

type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
export const textIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
export const textsIn = (value: unknown): string[] => (Array.isArray(value) ? value.filter((each) => typeof each === "string") : []);

const numberIn = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** Of any value: what it says in the shapes of a schema, and nothing of the rest. */
export function readSchema(value: unknown, depth = 0): Schema {
  if (!isFields(value) || depth > MAX_DEPTH) return {};
  const inner = (each: unknown): Schema => readSchema(each, depth + 1);
  const listed = (each: unknown): Schema[] | undefined => (Array.isArray(each) ? each.map(inner) : undefined);
  const { properties, items } = value;
  return {
    type: textIn(value["type"]) ?? (Array.isArray(value["type"]) ? textsIn(value["type"]) : undefined),
    title: textIn(value["title"]),
    description: textIn(value["description"]),
    enum: Array.isArray(value["enum"]) && value["enum"].length > 0 ? (value["enum"] as Json[]) : undefined,
    const: value["const"] as Json | undefined,
    default: value["default"] as Json | undefined,
    examples: Array.isArray(value["examples"]) ? (value["examples"] as Json[]) : undefined,
    properties: isFields(properties) ? Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, inner(each)])) : undefined,
    required: textsIn(value["required"]),
    items: isFields(items) ? inner(items) : undefined,
    minimum: numberIn(value["minimum"]),
    maximum: numberIn(value["maximum"]),
    minLength: numberIn(value["minLength"]),
    maxLength: numberIn(value["maxLength"]),
    minItems: numberIn(value["minItems"]),
    pattern: textIn(value["pattern"]),
    format: textIn(value["format"]),
    anyOf: listed(value["anyOf"]),
    oneOf: listed(value["oneOf"]),
  };
}
