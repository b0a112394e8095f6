/** One line of the flow: when it is followed. */
import { useState } from "preact/hooks";
import type { FlowEdge } from "../../graph/flow";
import { Button, Field } from "../../parts/pieces";
import { t } from "../../texts";

export const RELATIONS = ["ON_SUCCESS", "ON_FAIL", "ON_TRUE", "ON_FALSE", "ON_BRANCH(name)", "IF(expression)", "FOREACH item IN list", "CONTINUE", "CALLS_SUBFLOW"];

export function EdgePanel({ edge, onRelation, onRemove }: { edge: FlowEdge; onRelation: (relation: string) => void; onRemove: () => void }) {
  const [relation, setRelation] = useState(edge.relation);
  return (
    <form
      class="edge-panel"
      onSubmit={(event) => {
        event.preventDefault();
        onRelation(relation.trim());
      }}
    >
      <h2>
        {edge.source} → {edge.target}
      </h2>
      <Field label={t("relation")} hint={t("relation_hint")}>
        {(id) => (
          <>
            <input id={id} type="text" list="relations" value={relation} onInput={(event) => setRelation(event.currentTarget.value)} />
            <datalist id="relations">
              {RELATIONS.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <div class="actions">
        <Button kind="main" type="submit" disabled={relation.trim() === "" || relation === edge.relation}>
          {t("apply")}
        </Button>
        <Button kind="danger" onClick={onRemove}>
          {t("remove_line")}
        </Button>
      </div>
    </form>
  );
}
