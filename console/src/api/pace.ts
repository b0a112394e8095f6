/**
 * How often what is shown is asked for again. Each time is a request to the platform, which counts them: often while
 * somebody works here, ever less while nobody touches the page, and not at all while it is hidden.
 */
const BUSY_MS = 120_000;
const SLOWEST_MS = 60_000;

/** The pause of what is asked for every `everyMs`, where nobody has touched the page for `quietMs`. */
export function pauseOf(everyMs: number, quietMs: number): number {
  if (quietMs <= BUSY_MS) return everyMs;
  return Math.max(everyMs, Math.min(SLOWEST_MS, everyMs * (quietMs / BUSY_MS)));
}

let touchedMs = Date.now();
const listeners = new Set<() => void>();

const touch = () => {
  const wasQuiet = quietMs() > BUSY_MS;
  touchedMs = Date.now();
  if (wasQuiet) listeners.forEach((listener) => listener());
};

for (const event of ["pointermove", "pointerdown", "keydown", "wheel"]) window.addEventListener(event, touch, { passive: true });

/** How long nobody has touched the page. */
export const quietMs = (): number => Date.now() - touchedMs;

/** Calls `listener` when somebody comes back to a page that nobody has touched for long. Returns what ends it. */
export function onReturn(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
