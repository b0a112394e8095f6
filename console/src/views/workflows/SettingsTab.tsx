/** Pausing, another token, the end of a workflow. */
import { useState } from "preact/hooks";
import { pathOf, post, remove } from "../../api/client";
import { forget, useAction } from "../../api/data";
import { dropDraft } from "../../editor/useEditor";
import type { Workflow } from "../../api/types";
import { go, linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { JsonView } from "../../parts/json";
import { Button, Confirm, ErrorBox, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";

export function SettingsTab({ workflow, reload }: { workflow: Workflow; reload: () => Promise<void> }) {
  const canPush = useCan("push");
  const [dialog, setDialog] = useState<"rotate" | "delete" | undefined>();
  const path = pathOf`/webhooks/named/${workflow.name}`;
  const pause = useAction(async (onTrigger?: "refuse" | "queue") => {
    await (onTrigger ? post(`${path}/pause`, { on_trigger: onTrigger }) : post(`${path}/resume`));
    forget("workflows");
    await reload();
  });
  const rotate = useAction(async () => {
    await post(pathOf`/webhooks/${workflow.token}/rotate`);
    toast(t("rotated"));
    await reload();
  });
  const erase = useAction(async () => {
    await remove(pathOf`/webhooks/${workflow.token}`);
    dropDraft(workflow.name);
    forget("workflow");
    toast(t("deleted", { name: workflow.name }));
    go(linkTo(["workflows"]));
  });
  return (
    <>
      <section class="card">
        <h2>{t("about")}</h2>
        <dl class="facts">
          <div>
            <dt>{t("updated")}</dt>
            <dd>
              <Moment at={workflow.updated_at} exact />
            </dd>
          </div>
          <div>
            <dt>{t("file")}</dt>
            <dd>{workflow.file ?? "–"}</dd>
          </div>
          {workflow.steps && (
            <div>
              <dt>{t("durable_steps")}</dt>
              <dd>{workflow.steps.text}</dd>
            </div>
          )}
        </dl>
        {workflow.vars && Object.keys(workflow.vars).length > 0 && (
          <>
            <h3>{t("vars")}</h3>
            <JsonView value={workflow.vars} root="vars" />
          </>
        )}
      </section>
      {canPush && (
        <section class="card">
          <h2>{t("pause")}</h2>
          <p>{workflow.paused ? t("is_paused", { how: t(workflow.paused.on_trigger === "queue" ? "pause_queue" : "pause_refuse") }) : t("pause_text")}</p>
          {pause.error && <ErrorBox error={pause.error} />}
          <div class="actions">
            {workflow.paused ? (
              <Button kind="main" busy={pause.isBusy} onClick={() => void pause.run()}>
                {t("resume")}
              </Button>
            ) : (
              <>
                <Button busy={pause.isBusy} onClick={() => void pause.run("refuse")}>
                  {t("pause_refuse")}
                </Button>
                <Button busy={pause.isBusy} onClick={() => void pause.run("queue")}>
                  {t("pause_queue")}
                </Button>
              </>
            )}
          </div>
        </section>
      )}
      {canPush && (
        <section class="card">
          <h2>{t("danger")}</h2>
          <div class="actions">
            <Button onClick={() => setDialog("rotate")}>{t("rotate_token")}</Button>
            <Button kind="danger" onClick={() => setDialog("delete")}>
              {t("delete_workflow")}
            </Button>
          </div>
        </section>
      )}
      {dialog === "rotate" && (
        <Confirm title={t("rotate_token")} text={t("rotate_text")} action={t("rotate_token")} error={rotate.error} onConfirm={rotate.run} onClose={() => setDialog(undefined)} />
      )}
      {dialog === "delete" && (
        <Confirm
          title={t("delete_workflow")}
          text={t("delete_text", { name: workflow.name, callers: workflow.called_by.join(", ") || "–" })}
          action={t("delete_workflow")}
          error={erase.error}
          onConfirm={erase.run}
          onClose={() => setDialog(undefined)}
        />
      )}
    </>
  );
}
