/** A run of the text as it stands, pushed or not, with an input that is kept while the page is open. */
import { useMemo, useState } from "preact/hooks";
import { ApiError, get, pathOf, queryOf, request } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import { parseJson } from "../../api/exact";
import type { Json, Run, TraceEntry, Verdict } from "../../api/types";
import { go, linkTo } from "../../app/router";
import { readExamples } from "../../editor/examples";
import { firstInputOf, inputSchemaOf } from "../../editor/inputs";
import { SchemaForm } from "../../parts/form";
import { Button, Dialog, ErrorBox, Field } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";
import { jsonProblem, objectOf } from "../../parts/values";

const inputs = new Map<string, string>(); // by workflow, until the page is closed; what is to stay is saved as an example

export const forgetInputs = (): void => inputs.clear();

interface TryProps {
  name: string;
  text: string;
  isStored: boolean;
  vars?: Record<string, Json>;
  /** Saves an input in the text, or takes one out; undefined to whom may not change it. */
  onExample?: (name: string, input: Json | undefined) => void;
  onClose: () => void;
  onRan: (run: Run) => void;
}

export function TryDialog({ name, text, isStored, vars, onExample, onClose, onRan }: TryProps) {
  const schema = useMemo(() => inputSchemaOf(text), [text]);
  const [input, setInput] = useState(() => inputs.get(name) ?? JSON.stringify(firstInputOf(text), null, 2));
  const problem = jsonProblem(input);
  const [isForm, setForm] = useState(schema !== undefined);
  const earlier = useData<{ runs: Verdict[] }>(`/runs?tried=${name}`, () => get(`/runs${queryOf({ workflow: name, limit: 5 })}`));
  const keep = (next: string) => {
    inputs.set(name, next);
    setInput(next);
  };
  const start = useAction(async () => {
    const run = isStored ? await runStored(name, parseJson(input)) : await runText(text, parseJson(input), vars);
    forget("/runs");
    if (run.trace === undefined && run.run_id) {
      onClose();
      go(linkTo(["runs", run.run_id])); // accepted: it goes on, and is watched there
    } else onRan(run);
  });
  const take = useAction(async (id: string) => {
    const found = await get<{ input: Json }>(pathOf`/runs/${id}/input`);
    keep(JSON.stringify(found.input, null, 2));
  });
  return (
    <Dialog title={t("try_title", { name })} onClose={onClose}>
      {schema && (
        <Button kind="quiet" pressed={isForm} onClick={() => setForm(!isForm)}>
          {t("as_form")}
        </Button>
      )}
      {schema && isForm && problem === undefined ? (
        <SchemaForm schema={schema} value={objectOf(parseJson(input))} onChange={(value) => keep(JSON.stringify(value, null, 2))} />
      ) : (
        <Field label={t("input")} hint={problem}>
          {(id) => <textarea id={id} rows={8} spellcheck={false} value={input} aria-invalid={problem !== undefined} onInput={(event) => keep(event.currentTarget.value)} />}
        </Field>
      )}
      <Examples text={text} input={problem === undefined ? input : undefined} onTake={(value) => keep(JSON.stringify(value, null, 2))} onExample={onExample} />
      {(earlier.data?.runs.length ?? 0) > 0 && (
        <details>
          <summary>{t("input_of_run")}</summary>
          {earlier.data!.runs.map((run) => (
            <Button key={run.run_id} kind="quiet" onClick={() => void take.run(run.run_id)}>
              {run.run_id.slice(-6)} <Moment at={run.started_at} />
            </Button>
          ))}
          {take.error && <ErrorBox error={take.error} />}
        </details>
      )}
      {!isStored && <p class="faint">{t("try_unpushed")}</p>}
      {start.error && <ErrorBox error={start.error} />}
      <div class="actions is-end">
        <Button onClick={onClose}>{t("cancel")}</Button>
        <Button kind="main" busy={start.isBusy} disabled={problem !== undefined} onClick={() => void start.run()}>
          {t("run")}
        </Button>
      </div>
    </Dialog>
  );
}

interface ExamplesProps {
  text: string;
  /** What stands in the dialog, if it is JSON. */
  input?: string;
  onTake: (value: Json) => void;
  onExample?: (name: string, input: Json | undefined) => void;
}

/** The inputs that are saved in the workflow's text, under their names. */
function Examples({ text, input, onTake, onExample }: ExamplesProps) {
  const [name, setName] = useState("");
  const examples = useMemo(() => Object.entries(readExamples(text)), [text]);
  const own = name.trim();
  if (examples.length === 0 && !onExample) return null;
  return (
    <fieldset class="examples">
      <legend>{t("examples")}</legend>
      {examples.map(([key, value]) => (
        <span key={key} class="example">
          <Button kind="quiet" pressed={input !== undefined && JSON.stringify(parseJson(input)) === JSON.stringify(value)} onClick={() => onTake(value)}>
            {key}
          </Button>
          {onExample && (
            <Button kind="quiet" label={t("remove_example", { name: key })} onClick={() => onExample(key, undefined)}>
              ✕
            </Button>
          )}
        </span>
      ))}
      {onExample && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            onExample(own, parseJson(input!));
            setName("");
          }}
        >
          <input type="text" aria-label={t("example_name")} placeholder={t("example_name")} maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <Button type="submit" disabled={own === "" || input === undefined}>
            {t(examples.some(([key]) => key === own) ? "replace_example" : "save_example")}
          </Button>
        </form>
      )}
      {onExample && <p class="faint hint">{t("examples_hint")}</p>}
    </fieldset>
  );
}

const runStored = (name: string, input: Json): Promise<Run> => answerOf(name, `${pathOf`/webhooks/named/${name}/trigger`}?trace=1`, input);

const runText = (text: string, input: Json, vars?: Record<string, Json>): Promise<Run> =>
  answerOf("", "/execute?trace=1", { workflow: text, input, ...(vars && Object.keys(vars).length > 0 ? { vars } : {}) });

/** A run as its record would have it, from the answer to the request that started it. */
async function answerOf(workflow: string, path: string, body: unknown): Promise<Run> {
  const common = { workflow, version: 0, trigger: workflow ? "name" : "execute", started_at: new Date().toISOString() };
  try {
    const answer = await request("POST", path, body);
    return { ...common, run_id: answer.run_id, status: "success", duration_ms: answer.duration_ms, data: answer.data, trace: answer.trace as TraceEntry[] | undefined };
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.runId === undefined) throw fault;
    const node = fault.problem.details?.["node"];
    const record = await get<Run>(pathOf`/runs/${fault.runId}`).catch(() => undefined);
    return record ?? { ...common, run_id: fault.runId, status: "failed", error: fault.problem as Run["error"], node: typeof node === "string" ? node : undefined, trace: [] };
  }
}
