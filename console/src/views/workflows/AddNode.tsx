/** A step by search: of which component it is, or which workflow it calls. */
import { useMemo, useState } from "preact/hooks";
import type { Contract } from "../../api/types";
import { Dialog } from "../../parts/pieces";
import { t } from "../../texts";
import { searchContracts } from "../components/search";

const MOST_CALLED = 50;

interface AddProps {
  contracts: Contract[];
  /** The names of those that it may call. */
  workflows: string[];
  after: string;
  onAdd: (contract: Contract) => void;
  onCall: (workflow: string) => void;
  onClose: () => void;
}

export function AddNode(props: AddProps) {
  const [text, setText] = useState("");
  const found = useMemo(() => searchContracts(props.contracts, text), [props.contracts, text]);
  const called = useMemo(() => props.workflows.filter((name) => name.toLowerCase().includes(text.trim().toLowerCase())).slice(0, MOST_CALLED), [props.workflows, text]);
  return (
    <Dialog title={t("add_step_after", { name: props.after })} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (found[0]) props.onAdd(found[0]);
          else if (called[0] !== undefined) props.onCall(called[0]);
        }}
      >
        <input type="search" autofocus value={text} placeholder={t("search_components")} aria-label={t("search_components")} onInput={(event) => setText(event.currentTarget.value)} />
      </form>
      <div class="choices">
        {found.map((contract) => (
          <button key={contract.canonical_id} type="button" data-row onClick={() => props.onAdd(contract)}>
            <strong>{contract.canonical_id}</strong> <span class="faint">{contract.display_name}</span>
          </button>
        ))}
        {called.map((name) => (
          <button key={`workflow ${name}`} type="button" data-row onClick={() => props.onCall(name)}>
            <strong>{name}</strong> <span class="faint">{t("workflow")}</span>
          </button>
        ))}
        {found.length === 0 && called.length === 0 && <p class="faint">{t("nothing_found")}</p>}
      </div>
    </Dialog>
  );
}
