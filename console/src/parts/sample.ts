/** An input that a JSON Schema lets through, as far as that can be told: somebody begins with it, and changes it. */
import type { Json, Schema } from "../api/types";

const MOST_DEEP = 6;
const TEXTS: Record<string, string> = {
  email: "ada@example.com",
  date: "2026-01-31",
  "date-time": "2026-01-31T09:00:00Z",
  time: "09:00:00",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};

export function sampleOf(schema: Schema | undefined, depth = 0): Json {
  if (schema === undefined || typeof schema !== "object") return null;
  const told = [schema.const, schema.default, schema.examples?.[0], schema.enum?.[0]].find((value) => value !== undefined);
  if (told !== undefined) return told;
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const type = types.find((each) => each !== "null") ?? (schema.properties ? "object" : "");
  if (type === "object") return depth >= MOST_DEEP ? {} : fieldsOf(schema, depth);
  if (type === "array") {
    const least = depth >= MOST_DEEP ? 0 : Math.max(schema.minItems ?? 0, schema.items?.type === "object" ? 1 : 0);
    return Array.from({ length: Math.min(least, 3) }, () => sampleOf(schema.items, depth + 1));
  }
  if (type === "string") return TEXTS[schema.format ?? ""] ?? "x".repeat(Math.min(schema.minLength ?? 0, 100));
  if (type === "number" || type === "integer") return Math.max(0, Math.ceil(schema.minimum ?? 0));
  if (type === "boolean") return false;
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  return first ? sampleOf(first, depth + 1) : null;
}

/** What is required; if nothing is, all. */
function fieldsOf(schema: Schema, depth: number): Json {
  const all = schema.properties ?? {};
  const names = schema.required?.length ? schema.required : Object.keys(all);
  return Object.fromEntries(names.map((name) => [name, sampleOf(all[name], depth + 1)]));
}
