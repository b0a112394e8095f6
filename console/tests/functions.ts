// For tests in Python: calls the console's pure functions. JSON in, `[[name, [argument, ...]], ...]`; JSON out, the answers.
import { createInterface } from "node:readline";
import { parseJson } from "../src/api/exact";
import { firstInputOf } from "../src/editor/inputs";
import { STEP_SETTINGS } from "../src/views/workflows/settings";
import { pathOfFailed } from "../src/views/runs/Timeline";
import { pauseOf } from "../src/api/pace";
import { mergeRuns, sinceOf } from "../src/api/recent";
import { completeAt } from "../src/editor/completion";
import * as edits from "../src/editor/edits";
import { curlOf } from "../src/editor/curl";
import { differInExamples, readExamples, setExample } from "../src/editor/examples";
import { fixesOf, placeOf } from "../src/editor/fixes";
import { labelOf, parseWorkflow, sourceText, withBreaksOf } from "../src/graph/flow";
import { layOut } from "../src/graph/layout";
import { diffLines } from "../src/parts/diff";
import { sampleOf } from "../src/parts/sample";
import { statisticsOf } from "../src/parts/bars";
import { extendPath } from "../src/parts/json";
import { readable } from "../src/parts/values";
import { readSchema } from "../src/parts/schema";
import { addressOf, testOf } from "../src/views/runs/MakeTest";

type Any = any;

const edgeOf = (text: string, at: number) => parseWorkflow(text).flow.edges[at]!;

const FUNCTIONS: Record<string, (...given: Any[]) => unknown> = {
  flow: (text: string) => {
    const { flow } = parseWorkflow(text);
    return {
      name: flow.name,
      nodes: Object.fromEntries([...flow.nodes.values()].map((node) => [node.name, node.component])),
      edges: flow.edges.map((edge) => [edge.source, edge.relation, edge.target, edge.kind, labelOf(edge)]),
    };
  },
  layout: (text: string, direction: "LR" | "TB") => layOut(parseWorkflow(text).flow, direction),
  add: (text: string, name: string, component: string, contract: Any, after?: string) =>
    edits.applyChanges(text, edits.addNode(text, name, component, contract, after)),
  addCall: (text: string, name: string, workflow: string, after?: string) => edits.applyChanges(text, edits.addCall(text, name, workflow, after)),
  examples: readExamples,
  setExample: (text: string, name: string, value?: Any) => edits.applyChanges(text, setExample(text, name, value)),
  differInExamples,
  curl: (url: string, text: string) => curlOf(url, text) ?? null,
  sample: sampleOf,
  freeName: edits.freeName,
  connect: (text: string, source: string, target: string, relation?: string) => edits.applyChanges(text, edits.connect(text, source, target, relation)),
  relation: (text: string, at: number, relation: string) => edits.applyChanges(text, edits.changeRelation(text, edgeOf(text, at), relation)),
  removeEdge: (text: string, at: number) => edits.applyChanges(text, edits.removeEdge(text, edgeOf(text, at))),
  removeNode: (text: string, name: string) => edits.applyChanges(text, edits.removeNode(text, name)),
  rename: (text: string, name: string, to: string) => edits.applyChanges(text, edits.renameNode(text, name, to)),
  setField: (text: string, name: string, field: string, value?: Any) => edits.applyChanges(text, edits.setField(text, name, field, value === null ? undefined : value)),
  readEntry: edits.readEntry,
  renameWorkflow: edits.renameWorkflow,
  emptyWorkflow: edits.emptyWorkflow,
  fix: (text: string, finding: Any) => fixesOf(text, finding).map((fix) => edits.applyChanges(text, fix.changes)),
  place: (text: string, finding: Any) => {
    const { from, to } = placeOf(text, finding);
    return text.slice(from, to);
  },
  complete: (text: string, known: Any) => {
    const pos = text.indexOf("¦");
    const whole = text.replace("¦", "");
    const before = whole.slice(whole.lastIndexOf("\n", pos - 1) + 1, pos);
    return completeAt(whole, pos, before, { ...known, flow: parseWorkflow(whole).flow }, true)?.options.map(({ label }) => label) ?? [];
  },
  diff: diffLines,
  statistics: statisticsOf,
  path: extendPath,
  reference: (root: string, keys: (string | number)[]) => `{{${keys.reduce(extendPath, root)}}}`,
  readable,
  exact: (text: string) => JSON.stringify(parseJson(text)),
  schema: (value: Any) => readSchema(value),
  address: addressOf,
  firstInput: firstInputOf,
  stepSettings: () => STEP_SETTINGS,
  pathOfFailed,
  breaks: (stored: string) => withBreaksOf(stored, sourceText(stored)),
  pause: pauseOf,
  since: sinceOf,
  mergeRuns,
  test: (run: Any, input: Any, outside: string[]) => testOf(run, input, (component) => outside.includes(component)),
};

const answerTo = ([name, given]: [string, Any[]]) => {
  try {
    return { answer: FUNCTIONS[name]!(...given) };
  } catch (error) {
    return { error: String((error as Error).stack) };
  }
};

// A line of calls, then a line of their answers, until the input ends.
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify((JSON.parse(line) as [string, Any[]][]).map(answerTo))}\n`);
}
