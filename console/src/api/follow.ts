/** A run that is under way, as it goes on: one stream for the whole browser, closed while the page is hidden. */
import { useEffect, useState } from "preact/hooks";
import { get, pathOf } from "./client";
import { parseJson } from "./exact";
import type { Run, TraceEntry } from "./types";

const LOCK = "arcrun-follow"; // whoever holds it streams; other pages of this browser ask now and then
const ASK_MS = 2_000;
const UNDER_WAY = ["running", "queued", "waiting", "needs_decision"];

export const isUnderWay = (status: string | undefined): boolean => status !== undefined && UNDER_WAY.includes(status);

/** Applies one event of `GET /runs/{id}/follow` to a run. */
export function applyEvent(run: Run, type: string, data: any): Run {
  if (type === "node") return { ...run, trace: mergeEntry(run.trace ?? [], data as TraceEntry) };
  if (type === "status" || type === "end") return { ...run, ...data };
  return run;
}

function mergeEntry(trace: TraceEntry[], entry: TraceEntry): TraceEntry[] {
  const at = trace.findIndex((known) => known.node === entry.node);
  return at < 0 ? [...trace, entry] : trace.map((known, index) => (index === at ? entry : known));
}

/** The run with what has come since, while it is under way. `onEnd` is called once it has ended. */
export function useFollowed(run: Run | undefined, onEnd: () => void): Run | undefined {
  const [followed, setFollowed] = useState<Run | undefined>(run);
  useEffect(() => setFollowed(run), [run]);

  const id = isUnderWay(run?.status) ? run!.run_id : undefined;
  useEffect(() => {
    if (id === undefined) return;
    let stop = () => {};
    const begin = () => {
      stop();
      stop = document.hidden ? () => {} : followOnce(id, setFollowed, onEnd);
    };
    document.addEventListener("visibilitychange", begin);
    begin();
    return () => {
      document.removeEventListener("visibilitychange", begin);
      stop();
    };
  }, [id]);
  return followed?.run_id === run?.run_id ? followed : run;
}

type Change = (change: (run: Run | undefined) => Run | undefined) => void;

function followOnce(id: string, change: Change, onEnd: () => void): () => void {
  const ended = new AbortController();
  const stream = () =>
    new Promise<void>((resolve) => {
      const source = new EventSource(pathOf`/runs/${id}/follow`);
      const take = (event: MessageEvent) =>
        change((run) => run && applyEvent(run, event.type, parseJson(event.data as string)));
      source.addEventListener("status", take);
      source.addEventListener("node", take);
      const end = () => {
        source.close();
        onEnd();
        resolve();
      };
      source.addEventListener("end", end);
      source.addEventListener("gone", end);
      ended.signal.addEventListener("abort", () => {
        source.close();
        resolve();
      });
    });
  const ask = async () => {
    const timer = window.setInterval(async () => {
      const run = await get<Run>(pathOf`/runs/${id}`).catch(() => undefined);
      if (run === undefined || ended.signal.aborted) return;
      change(() => run);
      if (!isUnderWay(run.status)) {
        clearInterval(timer);
        onEnd();
      }
    }, ASK_MS);
    ended.signal.addEventListener("abort", () => clearInterval(timer));
  };
  if (!navigator.locks) void stream();
  else {
    void navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => (lock === null ? ask() : stream()));
  }
  return () => ended.abort();
}
