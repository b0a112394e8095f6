/** Times in the viewer's zone, with UTC on hover; and lengths of time. */
import { useEffect, useState } from "preact/hooks";
import { nowMs } from "../api/clock";
import { currentLanguage, t } from "../texts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SKEW_MS = 3_000; // a server's clock may be ahead of this one

export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return "";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / 1_000)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.round((ms % DAY) / HOUR)} h`;
}

/** "5 minutes ago", "in 2 hours". */
export function formatDistance(ms: number, nowMs: number): string {
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "auto", style: "short" });
  const away = ms > nowMs && ms < nowMs + SKEW_MS ? 0 : ms - nowMs;
  const size = Math.abs(away);
  if (size < MINUTE) return format.format(Math.round(away / 1_000), "second");
  if (size < HOUR) return format.format(Math.round(away / MINUTE), "minute");
  if (size < DAY) return format.format(Math.round(away / HOUR), "hour");
  return format.format(Math.round(away / DAY), "day");
}

export function formatMoment(ms: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "medium" }).format(ms);
}

const tellers = new Set<() => void>();
window.setInterval(() => {
  if (!document.hidden) tellers.forEach((tell) => tell());
}, 15_000);

/** A moment: how far away it is, or with `exact` when. */
export function Moment({ at, exact = false }: { at: string | null | undefined; exact?: boolean }) {
  const [, tell] = useState(0);
  useEffect(() => {
    const again = () => tell((count) => count + 1);
    tellers.add(again);
    return () => void tellers.delete(again);
  }, []);
  if (!at) return <span class="faint">{t("never")}</span>;
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  const whole = `${formatMoment(ms)} · ${new Date(ms).toISOString().replace(".000Z", "Z")}`;
  return (
    <time dateTime={at} title={whole}>
      {exact ? formatMoment(ms) : formatDistance(ms, nowMs())}
    </time>
  );
}
