/** A test of the workflow from what a run recorded: the file that `acr test` runs. docs/testing.md. */
import { stringify } from "yaml";
import { get, pathOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Json, Run, TraceEntry } from "../../api/types";
import { Copy, Dialog, Shown } from "../../parts/pieces";
import { t } from "../../texts";
import { useContracts } from "../components/contracts";

const OUTSIDE = ["http", "ai", "network", "mail"];

export function MakeTest({ run, onClose }: { run: Run; onClose: () => void }) {
  const input = useData<{ input: Json }>(`input:${run.run_id}`, () => get(pathOf`/runs/${run.run_id}/input`));
  const contracts = useContracts();
  const reachesOutside = (component: string) => {
    const contract = contracts.find((each) => each.canonical_id === component);
    return contract === undefined || (contract.capabilities ?? []).some((name) => OUTSIDE.includes(name));
  };
  const file = `${run.workflow}.test.yaml`;
  return (
    <Dialog title={t("make_test")} onClose={onClose} wide>
      <p>{t("make_test_text", { file })}</p>
      <Shown of={input}>
        {(data) => {
          const text = testOf(run, data.input, reachesOutside);
          return (
            <>
              <pre class="text-block" tabIndex={0}>
                {text}
              </pre>
              <p class="faint">{t("make_test_secrets")}</p>
              <div class="actions is-end">
                <a class="button is-plain" download={file} href={addressOf(text)}>
                  {t("download")}
                </a>
                <Copy text={text} />
              </div>
            </>
          );
        }}
      </Shown>
    </Dialog>
  );
}

const LONE_SURROGATES = /\p{Cs}/gu; // which no address can have

/** A file of the text, to be downloaded. */
export const addressOf = (text: string): string => `data:text/yaml;charset=utf-8,${encodeURIComponent(text.replace(LONE_SURROGATES, "\ufffd"))}`;

/** The recorded answers of the steps that reach outside stand for them; what must come out is how the steps ended. */
export function testOf(run: Run, input: Json, reachesOutside: (component: string) => boolean): string {
  const ran = (run.trace ?? []).filter((entry) => entry.status !== "skipped");
  const outside = ran.filter((entry) => !entry.component.startsWith("workflow:") && reachesOutside(entry.component));
  const stubs = Object.fromEntries(outside.map((entry) => [entry.node, stubOf(entry)]));
  const nodes = Object.fromEntries((run.trace ?? []).map((entry) => [entry.node, entry.status]));
  const test = {
    name: `as run ${run.run_id}`,
    input,
    ...(Object.keys(stubs).length > 0 ? { stubs } : {}),
    expect: { ...(run.error ? { error: { code: run.error.code } } : {}), nodes },
  };
  const cut = outside.filter((entry) => entry.iterations || isCut(entry.output)).map((entry) => entry.node);
  const note = cut.length > 0 ? `# Not whole in the record, look at their stubs: ${cut.join(", ")}\n` : "";
  return `# Tests of ${run.workflow}.yaml: acr test ${run.workflow}.test.yaml\n${note}${stringify({ now: run.started_at, tests: [test] }, { lineWidth: 100 })}`;
}

function stubOf(entry: TraceEntry): Json {
  if (entry.error) return { error: { code: entry.error.code, message: entry.error.message } };
  const output = entry.output;
  const isEnvelope = output !== null && typeof output === "object" && !Array.isArray(output) && "data" in output;
  return { data: isEnvelope ? (output["data"] as Json) : (output ?? null) };
}

const isCut = (value: Json | undefined): boolean => value !== undefined && JSON.stringify(value).includes('"_truncated":true');
