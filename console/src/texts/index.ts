/** The console's texts in the chosen language. `t("runs")`, `t("ago", {time: "5 min"})`. */
import { TEXTS, type TextKey } from "./table";

export const LANGUAGES = { en: "English", "zh-Hant": "繁體中文" } as const;
export type Language = keyof typeof LANGUAGES;
const KEPT = "arcrun-language";

function preferred(): Language {
  const kept = read(KEPT);
  if (kept === "en" || kept === "zh-Hant") return kept;
  return navigator.languages.some((name) => /^zh/i.test(name)) && !/^en/i.test(navigator.language) ? "zh-Hant" : "en";
}

let language: Language = preferred();
document.documentElement.lang = language;

export const currentLanguage = (): Language => language;

export function chooseLanguage(chosen: Language): void {
  language = chosen;
  document.documentElement.lang = chosen;
  write(KEPT, chosen);
}

export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const text = TEXTS[key][language === "en" ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The word for what the platform calls `name`, such as a status; the name itself if a later version has added it. */
export function wordOf(kind: "status" | "trigger" | "category" | "usage" | "account" | "check", name: string, otherwise = name): string {
  const key = `${kind}_${name}`;
  return key in TEXTS ? t(key as TextKey) : otherwise;
}

/** What is kept in this browser: choices of how the console looks, never anything of the account. */
export function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // a browser that keeps nothing: the choice counts until the page is closed
  }
}

export function erase(name: string): void {
  try {
    localStorage.removeItem(name);
  } catch {
    // as above
  }
}

export type { TextKey };
