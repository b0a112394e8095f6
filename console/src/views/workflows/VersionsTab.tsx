/** The versions of a workflow: what each has changed, and the way back. */
import { useState } from "preact/hooks";
import { get, pathOf, post } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import type { Workflow } from "../../api/types";
import { useCan } from "../../app/session";
import { sourceText } from "../../graph/flow";
import { DiffView } from "../../parts/diff";
import { Button, Confirm, Copy, Shown, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";

interface Version {
  workflow: string | object;
}

export function VersionsTab({ workflow, reload }: { workflow: Workflow; reload: () => Promise<void> }) {
  const [opened, setOpened] = useState<number | undefined>();
  const versions = [...workflow.versions].sort((a, b) => b.version - a.version);
  return (
    <div class="rows">
      {versions.map(({ version, pushed_at }, at) => (
        <div key={version} class="version">
          <div class="row">
            <button type="button" class="link" data-row aria-expanded={opened === version} onClick={() => setOpened(opened === version ? undefined : version)}>
              <strong>v{version}</strong>
            </button>
            {version === workflow.version && <span class="badge">{t("current")}</span>}
            <span class="row-side">
              <Moment at={pushed_at} exact />
              {version !== workflow.version && <RollBack workflow={workflow} version={version} reload={reload} />}
            </span>
          </div>
          {opened === version && <Changes name={workflow.name} version={version} before={versions[at + 1]?.version} />}
        </div>
      ))}
    </div>
  );
}

function Changes({ name, version, before }: { name: string; version: number; before?: number }) {
  const load = (number: number | undefined) => async () =>
    number === undefined ? "" : sourceText((await get<Version>(pathOf`/webhooks/named/${name}/versions/${String(number)}`)).workflow);
  const own = useData(`text:${name}:${version}`, load(version));
  const earlier = useData(`text:${name}:${before ?? 0}`, load(before));
  const [isWhole, setWhole] = useState(before === undefined);
  return (
    <Shown of={own}>
      {(text) => (
        <>
          <div class="actions">
            {before !== undefined && (
              <Button kind="quiet" pressed={isWhole} onClick={() => setWhole(!isWhole)}>
                {t("whole_text")}
              </Button>
            )}
            <Copy text={text} />
          </div>
          {isWhole ? (
            <pre class="text-block" tabIndex={0}>
              {text}
            </pre>
          ) : (
            earlier.data !== undefined && <DiffView before={earlier.data} after={text} />
          )}
        </>
      )}
    </Shown>
  );
}

function RollBack({ workflow, version, reload }: { workflow: Workflow; version: number; reload: () => Promise<void> }) {
  const canPush = useCan("push");
  const [isAsked, setAsked] = useState(false);
  const roll = useAction(async () => {
    await post(pathOf`/webhooks/named/${workflow.name}/rollback`, { version });
    forget("workflows");
    toast(t("rolled_back", { version }));
    await reload();
  });
  if (!canPush) return null;
  return (
    <>
      <Button onClick={() => setAsked(true)}>{t("roll_back")}</Button>
      {isAsked && (
        <Confirm title={t("roll_back")} text={t("roll_back_text", { version })} action={t("roll_back")} error={roll.error} onConfirm={roll.run} onClose={() => setAsked(false)} />
      )}
    </>
  );
}
