/** Two runs of a workflow beside each other: which steps went otherwise, and where what they gave differs. */
import { useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Json, Run, TraceEntry, Verdict } from "../../api/types";
import { linkTo, type Route } from "../../app/router";
import { DiffView } from "../../parts/diff";
import { Button, Empty, Page, Shown, Status } from "../../parts/pieces";
import { Moment, formatDuration } from "../../parts/time";
import { t } from "../../texts";

export function Compare({ route }: { route: Route }) {
  const [, id = "", , other] = route.path;
  const run = useData<Run>(`run:${id}`, () => get(pathOf`/runs/${id}`));
  return (
    <Page title={t("compare_runs")}>
      <Shown of={run}>{(data) => (other ? <Both one={data} otherId={other} /> : <Choose run={data} />)}</Shown>
    </Page>
  );
}

function Choose({ run }: { run: Run }) {
  const path = `/runs${queryOf({ workflow: run.workflow, limit: 50 })}`;
  const listed = useData<{ runs: Verdict[] }>(path, () => get(path));
  return (
    <Shown of={listed}>
      {({ runs }) => {
        const others = runs.filter((each) => each.run_id !== run.run_id);
        if (others.length === 0) return <Empty title={t("no_other_runs")} />;
        return (
          <>
            <p>{t("compare_with")}</p>
            <div class="rows">
              {others.map((each) => (
                <a key={each.run_id} class="row" data-row href={linkTo(["runs", run.run_id, "compare", each.run_id])}>
                  <Status of={each.status} />
                  <span class="row-main">v{each.version}</span>
                  <span class="row-side">
                    <span class="number">{formatDuration(each.duration_ms)}</span>
                    <Moment at={each.started_at} />
                  </span>
                </a>
              ))}
            </div>
          </>
        );
      }}
    </Shown>
  );
}

function Both({ one, otherId }: { one: Run; otherId: string }) {
  const other = useData<Run>(`run:${otherId}`, () => get(pathOf`/runs/${otherId}`));
  const [opened, setOpened] = useState<string | undefined>();
  return (
    <Shown of={other}>
      {(two) => {
        const names = [...new Set([...(one.trace ?? []), ...(two.trace ?? [])].map((entry) => entry.node))];
        return (
          <div class="table-frame" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("step")}</th>
                  <th scope="col">
                    <RunHead run={one} />
                  </th>
                  <th scope="col">
                    <RunHead run={two} />
                  </th>
                  <th scope="col">{t("output")}</th>
                </tr>
              </thead>
              <tbody>
                {names.map((name) => {
                  const [a, b] = [entryOf(one, name), entryOf(two, name)];
                  const isSame = JSON.stringify(shownOf(a)) === JSON.stringify(shownOf(b));
                  return (
                    <>
                      <tr key={name}>
                        <th scope="row">{name}</th>
                        <Side entry={a} />
                        <Side entry={b} />
                        <td>
                          {isSame ? (
                            <span class="faint">{t("same")}</span>
                          ) : (
                            <Button kind="quiet" pressed={opened === name} onClick={() => setOpened(opened === name ? undefined : name)}>
                              {t("differs")}
                            </Button>
                          )}
                        </td>
                      </tr>
                      {opened === name && (
                        <tr key={`${name} differs`}>
                          <td colSpan={4}>
                            <DiffView before={pretty(shownOf(a))} after={pretty(shownOf(b))} />
                          </td>
                        </tr>
                      )}
                    </>
                  );
                })}
              </tbody>
            </table>
          </div>
        );
      }}
    </Shown>
  );
}

function RunHead({ run }: { run: Run }) {
  return (
    <a href={linkTo(["runs", run.run_id])}>
      <Status of={run.status} bare /> v{run.version} <Moment at={run.started_at} />
    </a>
  );
}

function Side({ entry }: { entry?: TraceEntry }) {
  if (!entry) return <td class="faint">–</td>;
  return (
    <td>
      <Status of={entry.status} /> <span class="number faint">{entry.status === "skipped" ? "" : formatDuration(entry.duration_ms)}</span>
    </td>
  );
}

const entryOf = (run: Run, name: string): TraceEntry | undefined => run.trace?.find((entry) => entry.node === name);
const shownOf = (entry: TraceEntry | undefined): Json => (entry === undefined ? null : ((entry.error as unknown as Json) ?? entry.output ?? null));
const pretty = (value: Json): string => JSON.stringify(value, null, 2);
