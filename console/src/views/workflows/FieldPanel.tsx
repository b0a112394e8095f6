/** The fields of a step, in a form made from its component's contract. What is typed goes into the text. */
import { useMemo, useState } from "preact/hooks";
import type { Contract, Json, Schema } from "../../api/types";
import { linkTo } from "../../app/router";
import { NODE_NAME, readEntry, setField, type Change } from "../../editor/edits";
import type { Flow, FlowEdge } from "../../graph/flow";
import { SchemaField } from "../../parts/form";
import { Button, Field } from "../../parts/pieces";
import { ownOf } from "../../parts/values";
import { t } from "../../texts";
import { RELATIONS } from "./EdgePanel";
import { STEP_SETTINGS } from "./settings";

interface FieldPanelProps {
  name: string;
  text: string;
  flow: Flow;
  contracts: Contract[];
  isReadOnly: boolean;
  onChange: (make: (text: string) => Change[]) => void;
  onRename: (to: string) => void;
  onRemove: () => void;
  onConnect: (target: string, relation: string) => void;
  onEdge: (edge: FlowEdge) => void;
}

export function FieldPanel(props: FieldPanelProps) {
  const { name, text, flow, contracts, isReadOnly, onChange } = props;
  const node = flow.nodes.get(name)!;
  const contract = contracts.find((each) => each.canonical_id === node.component);
  const entry = useMemo(() => readEntry(text, name), [text, name]);
  const [showsAll, setShowsAll] = useState(false);
  const fields = fieldsOf(contract);
  const required = new Set(contract?.input_schema.required ?? []);
  const shown = fields.filter(([field]) => showsAll || required.has(field) || Object.hasOwn(entry, field));
  const set = (field: string, value: Json | undefined) => onChange((now) => setField(now, name, field, value));
  return (
    <div class="field-panel">
      <h2>
        {name} <a href={linkTo(["components", node.component])}>{node.component}</a>
      </h2>
      {contract && <p class="faint">{contract.description.split(". ")[0]}.</p>}
      <fieldset disabled={isReadOnly}>
        {shown.map(([field, schema]) => (
          <SchemaField key={field} name={field} schema={schema} value={ownOf(entry, field)} isRequired={required.has(field)} allowsTemplates onChange={(value) => set(field, value)} />
        ))}
        {!showsAll && shown.length < fields.length && (
          <Button kind="quiet" onClick={() => setShowsAll(true)}>
            {t("more_fields", { count: fields.length - shown.length })}
          </Button>
        )}
        <details class="shape">
          <summary>{t("step_settings")}</summary>
          {Object.entries(STEP_SETTINGS)
            .filter(([field]) => !fields.some(([own]) => own === field))
            .map(([field, schema]) => (
              <SchemaField key={field} name={field} schema={schema} value={entry[field]} isRequired={false} allowsTemplates onChange={(value) => set(field, value)} />
            ))}
        </details>
        {!isReadOnly && <Shape {...props} />}
      </fieldset>
    </div>
  );
}

/** The fields of a contract that are not filled in by credentials, the required ones first. */
function fieldsOf(contract: Contract | undefined): [string, Schema][] {
  const filled = new Set((contract?.credentials_required ?? []).map((credential) => credential.inject_as ?? credential.key));
  const required = contract?.input_schema.required ?? [];
  const fields = Object.entries(contract?.input_schema.properties ?? {}).filter(([field]) => !filled.has(field));
  return fields.sort(([a], [b]) => Number(required.includes(b)) - Number(required.includes(a)));
}

/** Its name, where it leads, and that it goes. */
function Shape({ name, flow, onRename, onRemove, onConnect, onEdge }: FieldPanelProps) {
  const [own, setOwn] = useState(name);
  const [target, setTarget] = useState("");
  const [relation, setRelation] = useState(RELATIONS[0]!);
  const isTaken = own !== name && (flow.nodes.has(own) || !NODE_NAME.test(own));
  const targets = ["output", ...[...flow.nodes.keys()].filter((each) => each !== name && each !== "input" && each !== "output")];
  return (
    <details class="shape">
      <summary>{t("shape")}</summary>
      <Field label={t("name")} hint={isTaken ? t("name_taken") : undefined}>
        {(id) => (
          <div class="inline">
            <input id={id} type="text" value={own} aria-invalid={isTaken} onInput={(event) => setOwn(event.currentTarget.value)} />
            <Button disabled={own === name || own === "" || isTaken} onClick={() => onRename(own)}>
              {t("rename")}
            </Button>
          </div>
        )}
      </Field>
      <Field label={t("connect_to")}>
        {(id) => (
          <div class="inline">
            <select aria-label={t("relation")} value={relation} onChange={(event) => setRelation(event.currentTarget.value)}>
              {RELATIONS.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <select id={id} value={target} onChange={(event) => setTarget(event.currentTarget.value)}>
              <option value="" />
              {targets.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <Button disabled={target === ""} onClick={() => onConnect(target, relation)}>
              {t("connect")}
            </Button>
          </div>
        )}
      </Field>
      <ul class="lines" aria-label={t("lines")}>
        {flow.edges
          .filter((edge) => edge.source === name || edge.target === name)
          .map((edge) => (
            <li key={`${edge.at.from}`}>
              <button type="button" class="link" onClick={() => onEdge(edge)}>
                {edge.source} → {edge.target} <span class="faint">{edge.relation}</span>
              </button>
            </li>
          ))}
      </ul>
      <Button kind="danger" onClick={onRemove}>
        {t("remove_step")}
      </Button>
    </details>
  );
}
