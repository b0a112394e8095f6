import { t, type TextKey } from "../../texts";
import { TEXTS } from "../../texts/table";

/** How a run was started, in words; a kind that a later version has added by its name. */
export function triggerWord(trigger: string): string {
  const key = `trigger_${trigger}`;
  return key in TEXTS ? t(key as TextKey) : trigger;
}
