/** A step by search: of which component it is. */
import { useMemo, useState } from "preact/hooks";
import type { Contract } from "../../api/types";
import { Dialog } from "../../parts/pieces";
import { t } from "../../texts";
import { searchContracts } from "../components/search";

export function AddNode(props: { contracts: Contract[]; after: string; onAdd: (contract: Contract) => void; onClose: () => void }) {
  const [text, setText] = useState("");
  const found = useMemo(() => searchContracts(props.contracts, text), [props.contracts, text]);
  return (
    <Dialog title={t("add_step_after", { name: props.after })} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (found[0]) props.onAdd(found[0]);
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
        {found.length === 0 && <p class="faint">{t("nothing_found")}</p>}
      </div>
    </Dialog>
  );
}
