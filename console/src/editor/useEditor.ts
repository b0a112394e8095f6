/** The editor's file is loaded when a view wants it; what it holds outlives the view, as a draft. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { EditorHandle, EditorOptions } from "./CodeEditor";

/** What was stored when somebody began to change it. */
export interface Base {
  version: number;
  text: string;
}

interface Draft {
  text: string;
  base?: Base;
  /** The editor's, with what can be undone. */
  state?: unknown;
}

const drafts = new Map<string, Draft>(); // by workflow; gone with the page, as a text may hold what is private

export const draftOf = (name: string): string | undefined => drafts.get(name)?.text;
export const baseOf = (name: string): Base | undefined => drafts.get(name)?.base;
export const dropDraft = (name: string): void => void drafts.delete(name);
export const keepDraft = (name: string, text: string, base?: Base): void => void drafts.set(name, { ...drafts.get(name), text, base });

/** The workflows that have one. */
export const listDrafts = (): string[] => [...drafts.keys()];

export const dropDrafts = (): void => drafts.clear();

let owner: string | undefined;

/** Whoever signs in with the same key goes on with their drafts; with another it is somebody else, who sees none. */
export function ownDrafts(keyId: string): void {
  if (owner !== undefined && owner !== keyId) dropDrafts();
  owner = keyId;
}

window.addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});

/** `name` is the workflow's, whose draft remembers what can be undone. */
export function useEditor(name: string, options: Omit<EditorOptions, "parent" | "state">) {
  const place = useRef<HTMLDivElement>(null);
  const handle = useRef<EditorHandle | undefined>(undefined);
  const latest = useRef(options);
  latest.current = options;
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    let isGone = false;
    void import("./CodeEditor").then(({ createEditor }) => {
      if (isGone || !place.current) return;
      handle.current = createEditor({
        ...latest.current,
        parent: place.current,
        state: drafts.get(name)?.state,
        known: () => latest.current.known(),
        onChange: (text) => latest.current.onChange(text),
        onCursor: (offset) => latest.current.onCursor(offset),
        onSave: () => latest.current.onSave(),
        onRun: () => latest.current.onRun(),
      });
      setReady(true);
    });
    return () => {
      isGone = true;
      const draft = drafts.get(name);
      if (draft) draft.state = handle.current?.save();
      handle.current?.destroy();
      handle.current = undefined;
    };
  }, []);
  return { place, handle, isReady };
}
