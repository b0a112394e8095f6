/** Keys: `g w` goes to workflows, j and k along the rows, / to the search, ? shows them all. */
import { useEffect } from "preact/hooks";
import { Dialog } from "../parts/pieces";
import { t, type TextKey } from "../texts";
import { go, linkTo } from "./router";

const PLACES: Record<string, TextKey> = { w: "workflows", r: "runs", c: "components", s: "schedules", h: "health" };
const SEQUENCE_MS = 1_200;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.shadowRoot !== null);

export function useShortcuts({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }): void {
  useEffect(() => {
    let begunMs = 0;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        onPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const place = PLACES[event.key];
      if (begunMs > Date.now() - SEQUENCE_MS && place) {
        begunMs = 0;
        go(linkTo([place]));
      } else if (event.key === "g") begunMs = Date.now();
      else if (event.key === "j" || event.key === "k") moveAlong(event.key === "j" ? 1 : -1, event);
      else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (event.key === "n") go(linkTo(["new"]));
      else if (event.key === "?") onHelp();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

function moveAlong(step: number, event: KeyboardEvent): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return;
  event.preventDefault();
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))]!.focus();
}

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const lines: [string, string][] = [
    ["Ctrl K", t("search_all")],
    ...Object.entries(PLACES).map(([key, place]): [string, string] => [`g ${key}`, t(place)]),
    ["n", t("new_workflow")],
    ["j / k", t("keys_rows")],
    ["/", t("keys_search")],
    ["Ctrl S", t("push")],
    ["Ctrl Enter", t("try_it")],
    ["Ctrl Z", t("undo_edit")],
    ["Delete", t("keys_remove")],
    ["Esc Tab", t("keys_leave")],
    ["?", t("keys_help")],
  ];
  return (
    <Dialog title={t("keys_help")} onClose={onClose}>
      <dl class="keys">
        {lines.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
