/**
 * The editor of a workflow's text, CodeMirror, in a file of its own that is loaded when it is opened. It lies in a shadow
 * root: there its styles need no exception from the page's Content-Security-Policy.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyField, historyKeymap, indentWithTab, redo, undo } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { yaml } from "@codemirror/lang-yaml";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic as Finding } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, tooltips } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Diagnostic } from "../api/types";
import { t } from "../texts";
import { completeWith, type Known } from "./completion";
import type { Change } from "./edits";
import { fixesOf, placeOf } from "./fixes";

export interface EditorHandle {
  apply: (changes: Change[]) => void;
  select: (from: number, to?: number) => void;
  show: (findings: Diagnostic[]) => void;
  text: () => string;
  replace: (text: string) => void;
  undo: () => void;
  redo: () => void;
  focus: () => void;
  /** What an editor of the same text can go on with: what can be undone. */
  save: () => unknown;
  destroy: () => void;
}

export interface EditorOptions {
  parent: HTMLElement;
  text: string;
  /** What an earlier editor has saved. It counts if it is of this text. */
  state?: unknown;
  label: string;
  isReadOnly: boolean;
  known: () => Known;
  onChange: (text: string) => void;
  onCursor: (offset: number) => void;
  onSave: () => void;
  onRun: () => void;
}

const COLORS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--faint)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.typeName], color: "var(--code-keyword)" },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--faint)" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--field)", color: "var(--text)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--field)", color: "var(--faint)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "var(--hover)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused": { outline: "none" },
  // Above the gutters, which would hide the side of an outline.
  "&.cm-focused::after": { content: '""', position: "absolute", inset: "0", border: "2px solid var(--focus)", pointerEvents: "none", zIndex: "250" },
  ".cm-content ::selection, .cm-line::selection": { backgroundColor: "var(--selection)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "6px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionInfo": { maxWidth: "320px" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)", borderRadius: "4px", padding: "2px 8px", marginLeft: "8px" },
});

const WITH_HISTORY = { history: historyField };

export function createEditor(options: EditorOptions): EditorHandle {
  const { parent, known, onChange, onCursor } = options;
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
  const mount = document.createElement("div");
  mount.style.height = "100%";
  mount.style.contain = "strict"; // what is typed moves nothing of the page
  const tips = document.createElement("div");
  root.replaceChildren(mount, tips);
  const act = (work: () => void) => () => {
    work();
    return true;
  };
  const extensions: Extension[] = [
    keymap.of([
      { key: "Mod-s", run: act(options.onSave), preventDefault: true },
      { key: "Mod-Enter", run: act(options.onRun), preventDefault: true },
    ]),
    lineNumbers(),
    foldGutter(),
    history(),
    indentUnit.of("  "),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    tooltips({ parent: tips, position: "fixed" }),
    autocompletion({ override: [completeWith(known)], icons: false }),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    yaml(),
    syntaxHighlighting(COLORS),
    lintGutter(),
    LOOK,
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
    EditorView.contentAttributes.of({ "aria-label": options.label, tabindex: "0" }),
    EditorState.readOnly.of(options.isReadOnly),
    EditorView.lineWrapping,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
      if (update.selectionSet && update.view.hasFocus) onCursor(update.state.selection.main.head);
    }),
  ];
  const saved = options.state as { doc?: string } | undefined;
  const state = saved?.doc === options.text ? EditorState.fromJSON(saved, { extensions }, WITH_HISTORY) : EditorState.create({ doc: options.text, extensions });
  const view = new EditorView({ state, parent: mount, root });
  const sized = (changes: Change[]) => changes.filter(({ from, to }) => to <= view.state.doc.length && from <= to).sort((a, b) => a.from - b.from);
  return {
    apply(changes) {
      const made = sized(changes);
      if (made.length === 0) return;
      view.dispatch({ changes: made, userEvent: "input.graph", scrollIntoView: true });
    },
    select(from, to = from) {
      const most = view.state.doc.length;
      const range = { anchor: Math.min(from, most), head: Math.min(to, most) };
      view.dispatch({ selection: range, effects: EditorView.scrollIntoView(range.anchor, { y: "center" }) });
    },
    show(findings) {
      view.dispatch(setDiagnostics(view.state, findings.map((finding) => shown(view, finding))));
    },
    text: () => view.state.doc.toString(),
    replace(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    undo: () => void undo(view),
    redo: () => void redo(view),
    focus: () => view.focus(),
    save: () => view.state.toJSON(WITH_HISTORY),
    destroy: () => view.destroy(),
  };
}

function shown(view: EditorView, finding: Diagnostic): Finding {
  const text = view.state.doc.toString();
  const { from, to } = placeOf(text, finding);
  const fixes = fixesOf(text, finding);
  return {
    from: Math.min(from, text.length),
    to: Math.min(to, text.length),
    severity: finding.severity === "hint" ? "info" : finding.severity,
    source: finding.code,
    message: finding.hint ? `${finding.message}\n${finding.hint}` : finding.message,
    actions: fixes.map(({ title, changes }) => ({ name: t("fix_with", { fix: title }), apply: (target) => target.dispatch({ changes }) })),
  };
}
