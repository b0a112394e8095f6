/** A new workflow: from a template, or from nothing. It is stored when it is pushed. */
import { useState } from "preact/hooks";
import { useData } from "../../api/data";
import type { Template } from "../../api/types";
import { go, linkTo } from "../../app/router";
import { emptyWorkflow, renameWorkflow } from "../../editor/edits";
import { keepDraft } from "../../editor/useEditor";
import { Button, Field, Page, Shown } from "../../parts/pieces";
import { t } from "../../texts";

export const WORKFLOW_NAME = /^[\p{L}\p{N}\p{M}_-]{1,64}$/u;

async function loadTemplates(): Promise<Template[]> {
  const response = await fetch("templates.json");
  if (!response.ok) throw new Error(`templates.json: ${response.status}`);
  return (await response.json()) as Template[];
}

export function NewWorkflow() {
  const templates = useData("templates", loadTemplates);
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const isWrong = name !== "" && !WORKFLOW_NAME.test(name);
  const begin = (template?: Template) => {
    const chosen = name || template?.name || "my_workflow";
    keepDraft(chosen, template ? (chosen === template.name ? template.text : renameWorkflow(template.text, chosen)) : emptyWorkflow(chosen));
    go(linkTo(["workflows", chosen], { new: 1 }));
  };
  return (
    <Page title={t("new_workflow")}>
      <div class="new-head">
        <Field label={t("name")} hint={isWrong ? t("name_wrong") : t("name_hint")}>
          {(id) => <input id={id} type="text" value={name} aria-invalid={isWrong} autocomplete="off" onInput={(event) => setName(event.currentTarget.value.trim())} />}
        </Field>
        <Button disabled={isWrong} onClick={() => begin()}>
          {t("start_empty")}
        </Button>
      </div>
      <h2>{t("templates")}</h2>
      <input type="search" data-search value={text} placeholder={t("search_templates")} aria-label={t("search_templates")} onInput={(event) => setText(event.currentTarget.value)} />
      <Shown of={templates}>
        {(all) => (
          <div class="cards">
            {all
              .filter((each) => `${each.name} ${each.description}`.toLowerCase().includes(text.toLowerCase()))
              .map((template) => (
                <button key={template.name} type="button" class="card is-choice" data-row disabled={isWrong} onClick={() => begin(template)}>
                  <strong>{template.name}</strong>
                  <span>{template.description}</span>
                </button>
              ))}
          </div>
        )}
      </Shown>
    </Page>
  );
}
