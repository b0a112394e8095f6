/** Data of views: what was loaded before is shown at once, and loaded anew. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./client";
import { onReturn, pauseOf, quietMs } from "./pace";

const MAX_KEPT = 200;
const kept = new Map<string, unknown>();

function keep(key: string, data: unknown): void {
  kept.delete(key);
  kept.set(key, data);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
}

/** Forget what begins with `prefix`: it has changed. Without one, all: somebody else signs in. */
export function forget(prefix = ""): void {
  for (const key of [...kept.keys()]) if (key.startsWith(prefix)) kept.delete(key);
}

/** What was loaded last under `key`. */
export const peek = <T>(key: string): T | undefined => kept.get(key) as T | undefined;

export interface Loaded<T> {
  data?: T;
  error?: ApiError;
  isLoading: boolean;
  reload: () => Promise<void>;
  /** Show this instead, until it is loaded again. */
  replace: (data: T) => void;
}

const asApiError = (fault: unknown): ApiError =>
  fault instanceof ApiError
    ? fault
    : new ApiError(0, { code: "CONSOLE", message: String(fault), next_actions: [], details: {}, retriable: false });

/** Loads with `load` whenever `key` changes, and every `everyMs` while the page is seen. Null: nothing to load. */
export function useData<T>(key: string | null, load: () => Promise<T>, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; error?: ApiError; isLoading: boolean }>({
    key: null,
    isLoading: false,
  });
  const latest = useRef({ key, load, number: 0 });
  latest.current.key = key;
  latest.current.load = load;

  const reload = useCallback(async () => {
    const asked = latest.current.key;
    if (asked === null) return;
    const number = ++latest.current.number;
    const isCurrent = () => latest.current.key === asked && latest.current.number === number;
    setState((before) => ({ ...before, isLoading: true }));
    try {
      const data = await latest.current.load();
      keep(asked, data);
      if (isCurrent()) setState({ key: asked, data, isLoading: false });
    } catch (fault) {
      if (isCurrent()) {
        setState((before) => ({
          key: asked,
          data: before.key === asked ? before.data : (kept.get(asked) as T | undefined),
          error: asApiError(fault),
          isLoading: false,
        }));
      }
    }
  }, []);

  useEffect(() => {
    void reload();
    if (key === null || everyMs === 0) return;
    return whileVisible(everyMs, reload);
  }, [key, everyMs, reload]);

  const isOwn = state.key === key;
  const data = isOwn && state.data !== undefined ? state.data : key === null ? undefined : (kept.get(key) as T);
  const replace = (next: T) => {
    if (key !== null) keep(key, next);
    setState({ key, data: next, isLoading: false });
  };
  return { data, error: isOwn ? state.error : undefined, isLoading: state.isLoading || !isOwn, reload, replace };
}

/**
 * Calls `work` every `everyMs` while the page is seen, less often while nobody touches it, and when it is seen or
 * touched again. Returns what ends it.
 */
export function whileVisible(everyMs: number, work: () => unknown): () => void {
  let timer = 0;
  let isOver = false;
  const plan = () => {
    clearTimeout(timer);
    if (!document.hidden && !isOver) timer = window.setTimeout(turn, pauseOf(everyMs, quietMs()));
  };
  const turn = async () => {
    await work();
    plan();
  };
  const seen = () => {
    clearTimeout(timer);
    if (!document.hidden && !isOver) void turn();
  };
  document.addEventListener("visibilitychange", seen);
  const forgetReturn = onReturn(seen);
  plan();
  return () => {
    isOver = true;
    clearTimeout(timer);
    forgetReturn();
    document.removeEventListener("visibilitychange", seen);
  };
}

/** {run, isBusy, error}: an action that somebody starts, one at a time. */
export function useAction<A extends unknown[]>(work: (...given: A) => Promise<unknown>) {
  const [state, setState] = useState<{ isBusy: boolean; error?: ApiError }>({ isBusy: false });
  const run = async (...given: A): Promise<boolean> => {
    if (state.isBusy) return false;
    setState({ isBusy: true });
    try {
      await work(...given);
      setState({ isBusy: false });
      return true;
    } catch (fault) {
      setState({ isBusy: false, error: asApiError(fault) });
      return false;
    }
  };
  const clear = () => setState({ isBusy: false });
  return { run, clear, ...state };
}
