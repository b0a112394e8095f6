/** With what a workflow can be tried, as its text tells. */
import type { Json, Schema } from "../api/types";
import { jsonOf, pairOf, parseWorkflow } from "../graph/flow";
import { sampleOf } from "../parts/sample";
import { readSchema } from "../parts/schema";
import { readExamples } from "./examples";

/** The workflow's `input_schema`, if it says that the input is an object. */
export function inputSchemaOf(text: string): Schema | undefined {
  const schema = readSchema(jsonOf(pairOf(parseWorkflow(text).document.contents, "input_schema")?.value));
  return schema.properties ? schema : undefined;
}

/** What a comment of a template says to send: `# POST {"name": " ada "}`. */
function commentedIn(text: string): Json | undefined {
  const found = /^#\s*POST (\{.*\})\s*$/m.exec(text)?.[1];
  try {
    return found === undefined ? undefined : (JSON.parse(found) as Json);
  } catch {
    return undefined;
  }
}

/** An input to begin with: the first example, what a comment says, or what the schema lets through. */
export function firstInputOf(text: string): Json {
  const [example] = Object.values(readExamples(text));
  if (example !== undefined) return example;
  const schema = inputSchemaOf(text);
  return commentedIn(text) ?? (schema ? sampleOf(schema) : referredInputOf(text));
}

/** The fields that the text reads of its input, empty. What it can do without, `{{input.name?}}`, is left out. */
function referredInputOf(text: string): Json {
  const found: Record<string, Json> = {};
  const read = [...text.matchAll(/\{\{[^{}]*\}\}|^\s*-\s.*>>.*>>.*$/gm)].map(([part]) => part).join("\n");
  for (const [, lists, path, mark] of read.matchAll(/(\bIN\s+)?(?<![\w.])input\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(\?|\s*\|\s*default)?/g)) {
    if (mark === undefined) put(found, path!.split("."), lists === undefined ? "" : []);
  }
  return found;
}

function put(into: Record<string, Json>, [name, ...rest]: string[], value: Json): void {
  const known = into[name!];
  if (rest.length === 0) {
    if (known === undefined) into[name!] = value;
    return;
  }
  const inner = known !== null && typeof known === "object" && !Array.isArray(known) ? known : {};
  into[name!] = inner;
  put(inner, rest, value);
}
