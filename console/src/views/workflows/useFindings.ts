/** What the executor says of a text while one types. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { Diagnostic, Json } from "../../api/types";

const CHECK_MS = 350; // after the last key
const RECHECK_MS = 3_000; // after it could not be asked

interface Checked {
  /** Undefined until the first answer. */
  findings?: Diagnostic[];
  error?: ApiError;
}

export function useFindings(text: string, vars: Record<string, Json> | undefined, isOn: boolean): Checked {
  const [checked, setChecked] = useState<Checked>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!isOn) return;
    let isOld = false;
    let timer = window.setTimeout(async () => {
      try {
        const answer = await post<{ diagnostics: Diagnostic[] }>("/validate", { workflow: text, ...(vars ? { vars } : {}) });
        if (!isOld) setChecked({ findings: answer.diagnostics });
      } catch (fault) {
        if (isOld || !(fault instanceof ApiError)) return;
        setChecked((before) => ({ ...before, error: fault }));
        timer = window.setTimeout(() => setRound((count) => count + 1), RECHECK_MS);
      }
    }, CHECK_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [text, isOn, round]);
  return checked;
}
