/** The editor's file is loaded when a view wants it; what it holds outlives the view, as a draft. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { EditorHandle, EditorOptions } from "./CodeEditor";

/** What was stored when somebody began to change it. */
export interface Base {
  version: number;
  text: string;
}

const drafts = new Map<string, { text: string; base?: Base }>(); // by workflow; gone with the page, as a text may hold what is private

export const draftOf = (name: string): string | undefined => drafts.get(name)?.text;
export const baseOf = (name: string): Base | undefined => drafts.get(name)?.base;
export const dropDraft = (name: string): void => void drafts.delete(name);
export const keepDraft = (name: string, text: string, base?: Base): void => void drafts.set(name, { text, base });

window.addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});

export function useEditor(options: Omit<EditorOptions, "parent">) {
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
      handle.current?.destroy();
      handle.current = undefined;
    };
  }, []);
  return { place, handle, isReady };
}
