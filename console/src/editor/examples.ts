/** A workflow's `examples`: inputs by name that it is tried with. They stand in its text like everything else. */
import { isMap, stringify } from "yaml";
import type { Json } from "../api/types";
import { jsonOf, pairOf, parseWorkflow } from "../graph/flow";
import { applyChanges, fillPair, insertAtTop, removeFrom, setIn, writeEntry, writeKey, writeValue, type Change, type WrittenMap } from "./written";

const EXAMPLES = "examples";
const LONG = 120; // characters from which an input is written on lines of its own

/** By name, in the text's order. */
export function readExamples(text: string): Record<string, Json> {
  const found = jsonOf(pairOf(parseWorkflow(text).document.contents, EXAMPLES)?.value);
  return found !== null && typeof found === "object" && !Array.isArray(found) ? found : {};
}

/** Keeps an input under a name, or takes one away. */
export function setExample(text: string, name: string, value: Json | undefined): Change[] {
  const top = parseWorkflow(text).document.contents;
  const pair = pairOf(top, EXAMPLES);
  const map = isMap(pair?.value) ? (pair.value as WrittenMap) : undefined;
  if (value === undefined) {
    if (!map || !pair) return [];
    return map.items.length === 1 && pairOf(map, name) ? removeFrom(text, top as WrittenMap, [pair]) : setIn(text, map, name, undefined);
  }
  if (map) return setIn(text, map, name, value, map.flow ? undefined : writeInput(text, value, 2));
  const entry = writeEntry(text, name, value);
  if (pair) return [fillPair(text, pair, `{${entry}}`)];
  return [insertAtTop(text, top, EXAMPLES, `${writeKey(text, name)}: ${writeInput(text, value, 2)}`, `{${entry}}`)];
}

/** On one line, or below its name where that would be long. */
function writeInput(text: string, value: Json, column: number): string {
  const line = writeValue(text, value);
  if (line.length <= LONG || value === null || typeof value !== "object") return line;
  const indent = " ".repeat(column + 2);
  return `\n${stringify(value, { lineWidth: 0 }).trimEnd().replaceAll(/^(?=.)/gm, indent)}`;
}

/** Whether two texts do the same but for their examples, which no run reads. */
export function differInExamples(one: string, other: string): boolean {
  return one === other || withoutExamples(one) === withoutExamples(other);
}

function withoutExamples(text: string): string {
  const top = parseWorkflow(text).document.contents;
  const pair = pairOf(top, EXAMPLES);
  return (pair ? applyChanges(text, removeFrom(text, top as WrittenMap, [pair])) : text).trimEnd();
}
