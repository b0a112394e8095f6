/** Goes anywhere by a few letters: views, workflows, components, a run by its id. */
import { useMemo, useState } from "preact/hooks";
import { useData } from "../api/data";
import { Dialog } from "../parts/pieces";
import { t } from "../texts";
import { useContracts } from "../views/components/contracts";
import { loadWorkflows } from "../views/workflows/WorkflowList";
import { go, linkTo } from "./router";
import { useCan } from "./session";

interface Entry {
  title: string;
  kind: string;
  link: string;
}

const MOST = 12;
const RUN_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/i;

export function Palette({ onClose }: { onClose: () => void }) {
  const canPush = useCan("push");
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const workflows = useData("workflows", loadWorkflows);
  const contracts = useContracts();
  const entries = useMemo((): Entry[] => {
    const views = (["workflows", "runs", "components", "credentials", "schedules", "stores", "audit", "keys", "health"] as const).map((name) => ({ title: t(name), kind: t("view"), link: linkTo([name]) }));
    return [
      ...(canPush ? [{ title: t("new_workflow"), kind: t("view"), link: linkTo(["new"]) }] : []),
      ...views,
      ...(workflows.data ?? []).map(({ name }) => ({ title: name, kind: t("workflow"), link: linkTo(["workflows", name]) })),
      ...contracts.map(({ canonical_id: id }) => ({ title: id, kind: t("component"), link: linkTo(["components", id]) })),
    ];
  }, [workflows.data, contracts]);
  const typed = text.trim();
  const found = useMemo(() => {
    const run = RUN_ID.test(typed) ? [{ title: typed.toUpperCase(), kind: t("run_noun"), link: linkTo(["runs", typed.toUpperCase()]) }] : [];
    return [...run, ...rank(entries, typed)].slice(0, MOST);
  }, [entries, typed]);
  const open = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    go(entry.link);
  };
  const press = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((before) => Math.min(found.length - 1, Math.max(0, before + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[at]);
    }
  };
  return (
    <Dialog title={t("search_all")} onClose={onClose}>
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-found"
        aria-activedescendant={found[at] ? `palette-${at}` : undefined}
        aria-label={t("search_all")}
        autofocus
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <ul id="palette-found" role="listbox" aria-label={t("search_all")} class="palette">
        {found.map((entry, index) => (
          <li key={entry.link} id={`palette-${index}`} role="option" aria-selected={index === at} onClick={() => open(entry)}>
            {entry.title} <span class="faint">{entry.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="faint">{t("nothing_found")}</p>}
    </Dialog>
  );
}

/** Those whose letters come in this order, the ones that begin so first. */
function rank(entries: Entry[], text: string): Entry[] {
  const wanted = text.toLowerCase();
  const score = (title: string): number => {
    const name = title.toLowerCase();
    if (name.startsWith(wanted)) return 0;
    if (name.includes(wanted)) return 1;
    let from = 0;
    for (const sign of wanted) {
      from = name.indexOf(sign, from) + 1;
      if (from === 0) return 9;
    }
    return 2;
  };
  return entries
    .map((entry, index) => ({ entry, index, score: score(entry.title) }))
    .filter((each) => each.score < 9)
    .sort((a, b) => a.score - b.score || a.index - b.index)
    .map(({ entry }) => entry);
}
