/** Light, dark, or what the system says. */
import { read, write } from "../texts";

export type Theme = "auto" | "light" | "dark";
const KEPT = "arcrun-theme";

export function currentTheme(): Theme {
  const kept = read(KEPT);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function chooseTheme(theme: Theme): void {
  write(KEPT, theme);
  applyTheme();
}

export function applyTheme(): void {
  const theme = currentTheme();
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
