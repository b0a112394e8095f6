/** The platform's time, as its answers tell it: how long ago something was must not depend on a clock here that is wrong. */
const LEAST_MS = 30_000; // below that it may be the way of the answer

/** How far the platform's clock, `date` of an answer, is ahead of the one here; 0 where they are about the same. */
export function aheadOf(date: string | null, hereMs: number): number {
  const thereMs = Date.parse(date ?? "");
  return Number.isNaN(thereMs) || Math.abs(thereMs - hereMs) < LEAST_MS ? 0 : thereMs - hereMs;
}

let aheadMs = 0;

export function noteTime(date: string | null): void {
  if (date !== null) aheadMs = aheadOf(date, Date.now());
}

export const nowMs = (): number => Date.now() + aheadMs;
