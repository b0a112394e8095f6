/** How long views take, as marks and measures that a browser's tools show, and tests read. */
import { useEffect, useRef } from "preact/hooks";

/** Measures from when `data` was there until it is seen. */
export function useShownMeasure(name: string, data: unknown): void {
  const begun = useRef<{ data: unknown; at: number }>({ data: undefined, at: 0 });
  if (begun.current.data !== data) begun.current = { data, at: performance.now() };
  useEffect(() => {
    if (data === undefined) return;
    const start = begun.current.at;
    const frame = requestAnimationFrame(() => performance.measure(name, { start }));
    return () => cancelAnimationFrame(frame);
  }, [data]);
}

/** Something can be done: the page is there. */
export function useInteractiveMark(): void {
  useEffect(() => {
    performance.mark("interactive");
  }, []);
}
