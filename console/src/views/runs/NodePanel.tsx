/** One step of a run: input, output, log, error with its remedy, size and fuel. */
import type { Json, Run, TraceEntry } from "../../api/types";
import { linkTo } from "../../app/router";
import type { Flow } from "../../graph/flow";
import { JsonView } from "../../parts/json";
import { Copy, Status, Text } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { formatBytes, readable } from "../../parts/values";
import { currentLanguage, t } from "../../texts";

export function NodePanel({ name, entry, flow, run }: { name: string; entry?: TraceEntry; flow?: Flow; run: Run }) {
  if (!entry) {
    const node = flow?.nodes.get(name);
    return (
      <>
        <h2>{name}</h2>
        <p class="faint">{node ? t("step_not_recorded") : t("nothing_found")}</p>
      </>
    );
  }
  const isTopLevel = run.trace?.includes(entry) ?? false;
  const output = dataOf(entry.output);
  return (
    <>
      <h2>
        <Status of={entry.status} bare /> {name}
      </h2>
      <dl class="facts is-small">
        <div>
          <dt>{t("component")}</dt>
          <dd>
            <ComponentLink component={entry.component} />
          </dd>
        </div>
        <div>
          <dt>{t("duration")}</dt>
          <dd>{formatDuration(entry.duration_ms)}</dd>
        </div>
        {entry.attempts > 1 && (
          <div>
            <dt>{t("attempts_title")}</dt>
            <dd>{entry.attempts}</dd>
          </div>
        )}
        {entry.fuel !== undefined && (
          <div>
            <dt title={t("fuel_hint")}>{t("fuel")}</dt>
            <dd>{entry.fuel.toLocaleString(currentLanguage())}</dd>
          </div>
        )}
        {entry.output !== undefined && (
          <div>
            <dt>{t("size")}</dt>
            <dd>{formatBytes(sizeOf(entry.output))}</dd>
          </div>
        )}
      </dl>
      {entry.iterations && (
        <p>
          {t("iterations", { success: entry.iterations.success, failed: entry.iterations.failed })}
          {entry.iterations.skipped > 0 && `, ${t("skipped_count", { count: entry.iterations.skipped })}`}
          <span class="faint"> {t("iterations_shown")}</span>
        </p>
      )}
      {entry.taken_over && <p class="faint">{t("taken_over_text")}</p>}
      {entry.error && (
        <div class="error-box">
          <p>
            <strong>{entry.error.message}</strong> <code class="faint">{entry.error.code}</code>
          </p>
          {(entry.error.next_actions?.length ?? 0) > 0 && (
            <ul>
              {entry.error.next_actions!.map((action) => (
                <li key={action}>{action}</li>
              ))}
            </ul>
          )}
          {entry.error.details && Object.keys(entry.error.details).length > 0 && <JsonView value={entry.error.details} depth={1} />}
        </div>
      )}
      {output !== undefined && (
        <>
          <h3>{t("output")}</h3>
          <JsonView value={output} root={isTopLevel ? `${name}.data` : ""} />
        </>
      )}
      {entry.input !== undefined && (
        <>
          <h3>{t("input")}</h3>
          <JsonView value={entry.input} />
        </>
      )}
      {entry.log && (
        <>
          <h3>
            {t("log")} <Copy text={entry.log} />
          </h3>
          <Text text={readable(entry.log)} />
        </>
      )}
    </>
  );
}

function ComponentLink({ component }: { component: string }) {
  const [kind, workflow] = component.split(":", 2);
  if (kind === "workflow" && workflow) return <a href={linkTo(["workflows", workflow])}>{workflow}</a>;
  return <a href={linkTo(["components", component])}>{component}</a>;
}

/** The data in a component's envelope, `{success, data}`. */
function dataOf(output: Json | undefined): Json | undefined {
  if (output === undefined || output === null || typeof output !== "object" || Array.isArray(output)) return output;
  return output["success"] === true && "data" in output ? output["data"] : output;
}

function sizeOf(value: Json): number {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && value["_truncated"] === true) return Number(value["bytes"]);
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
