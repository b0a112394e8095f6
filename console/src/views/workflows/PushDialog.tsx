/** What will change with the push, and whether somebody else has pushed meanwhile. */
import { useEffect } from "preact/hooks";
import { get, pathOf, post } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import type { Diagnostic, Json, Workflow } from "../../api/types";
import { go, linkTo } from "../../app/router";
import { parseWorkflow, sourceText } from "../../graph/flow";
import { DiffView } from "../../parts/diff";
import { Button, Dialog, ErrorBox, toast } from "../../parts/pieces";
import { t } from "../../texts";

interface PushProps {
  name: string;
  text: string;
  before: string;
  baseVersion?: number;
  vars?: Record<string, Json>;
  onClose: () => void;
  onPushed: () => Promise<void>;
}

interface Pushed {
  name: string;
  version: number;
  changed: boolean;
  diagnostics: Diagnostic[];
}

export function PushDialog({ name, text, before, baseVersion, vars, onClose, onPushed }: PushProps) {
  const written = parseWorkflow(text).flow.name;
  const isOther = written !== "" && written !== name;
  const newest = useData<Workflow>(baseVersion === undefined ? null : `newest:${name}`, () => get<Workflow>(pathOf`/webhooks/named/${name}`));
  useEffect(() => forget(`newest:${name}`), []);
  const isMoved = newest.data !== undefined && baseVersion !== undefined && newest.data.version !== baseVersion;
  const compared = isMoved ? sourceText(newest.data!.workflow) : before;
  const push = useAction(async () => {
    const pushed = await post<Pushed>("/webhooks", { workflow: text, ...(vars && Object.keys(vars).length > 0 ? { vars } : {}) });
    forget("workflows");
    forget("version:");
    toast(pushed.changed ? t("pushed", { version: pushed.version }) : t("pushed_same"));
    await onPushed();
    go(linkTo(["workflows", pushed.name])); // also of a new one, which is not new any more
  });
  return (
    <Dialog title={t("push_title", { name: written || name })} onClose={onClose} wide>
      {isOther && baseVersion !== undefined && <p class="notice">{t("push_other_name", { name: written, before: name })}</p>}
      {isMoved && <p class="notice">{t("push_moved", { version: newest.data!.version, base: baseVersion! })}</p>}
      <DiffView before={compared} after={text} />
      {push.error && <ErrorBox error={push.error} />}
      <div class="actions is-end">
        <Button onClick={onClose}>{t("cancel")}</Button>
        <Button kind="main" busy={push.isBusy} onClick={() => void push.run()}>
          {isMoved ? t("push_anyway") : t("push")}
        </Button>
      </div>
    </Dialog>
  );
}
