/** What will change with the push, and whether somebody else has pushed meanwhile. */
import { useEffect } from "preact/hooks";
import { ApiError, get, pathOf, post } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import type { Diagnostic, Json, Workflow, WorkflowHead } from "../../api/types";
import { go, linkTo } from "../../app/router";
import type { Base } from "../../editor/useEditor";
import { parseWorkflow, sourceText, withBreaksOf } from "../../graph/flow";
import { DiffView } from "../../parts/diff";
import { Button, Dialog, ErrorBox, toast } from "../../parts/pieces";
import { t } from "../../texts";
import { loadWorkflows } from "./WorkflowList";

interface PushProps {
  name: string;
  text: string;
  /** What the text was made from; nothing for a new workflow. */
  base?: Base;
  /** As it is stored, if it is. */
  stored?: Workflow["workflow"];
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

export function PushDialog({ name, text, base, stored, vars, onClose, onPushed }: PushProps) {
  const written = parseWorkflow(text).flow.name;
  const isOther = written !== "" && written !== name;
  const newest = useData<Workflow>(base ? `newest:${name}` : null, () => get<Workflow>(pathOf`/webhooks/named/${name}`));
  const heads = useData<WorkflowHead[]>(base ? null : "workflows", loadWorkflows);
  useEffect(() => forget(`newest:${name}`), []);
  const theirs = newest.data && sourceText(newest.data.workflow);
  const isMoved = base !== undefined && newest.data !== undefined && (newest.data.version !== base.version || theirs !== base.text);
  const compared = (isMoved ? theirs : base?.text) ?? "";
  const taken = base ? undefined : heads.data?.find((head) => head.name === (written || name));
  const shown = isMoved ? newest.data?.version : base ? base.version : (taken?.version ?? 0); // what the difference is to
  const push = useAction(async () => {
    const body = {
      workflow: withBreaksOf(stored, text),
      ...(vars && Object.keys(vars).length > 0 ? { vars } : {}),
      ...(isOther && base ? {} : { expected_version: shown }),
    };
    const pushed = await post<Pushed>("/webhooks", body).catch(async (fault: unknown) => {
      if (fault instanceof ApiError && fault.code === "WORKFLOW_CHANGED") await Promise.all([newest.reload(), heads.reload()]);
      throw fault;
    });
    forget("workflows");
    forget("version:");
    toast(pushed.changed ? t("pushed", { version: pushed.version }) : t("pushed_same"));
    await onPushed();
    go(linkTo(["workflows", pushed.name])); // also of a new one, which is not new any more
  });
  return (
    <Dialog title={t("push_title", { name: written || name })} onClose={onClose} wide>
      {isOther && base && <p class="notice">{t("push_other_name", { name: written, before: name })}</p>}
      {isMoved && <p class="notice">{newest.data!.version === base.version ? t("push_rewritten") : t("push_moved", { version: newest.data!.version, base: base.version })}</p>}
      {taken && <p class="notice">{t("push_taken", { name: taken.name, version: taken.version })}</p>}
      <DiffView before={compared} after={text} />
      {push.error && <ErrorBox error={push.error} />}
      <div class="actions is-end">
        <Button onClick={onClose}>{t("cancel")}</Button>
        <Button kind="main" busy={push.isBusy} onClick={() => void push.run()}>
          {isMoved || taken ? t("push_anyway") : t("push")}
        </Button>
      </div>
    </Dialog>
  );
}
