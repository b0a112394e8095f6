/** What is wrong with the text, all of it at once, each with its place and, where there is one, its remedy by one click. */
import type { Diagnostic } from "../../api/types";
import { linkTo } from "../../app/router";
import type { Change } from "../../editor/edits";
import { fixesOf, placeOf } from "../../editor/fixes";
import { Button } from "../../parts/pieces";
import { t } from "../../texts";

interface FindingsProps {
  text: string;
  findings?: Diagnostic[];
  onGo: (from: number, to: number) => void;
  onFix: (changes: Change[]) => void;
}

const ORDER = { error: 0, warning: 1, hint: 2 };

export function Findings({ text, findings, onGo, onFix }: FindingsProps) {
  if (findings === undefined) return <p class="findings faint">{t("checking")}</p>;
  if (findings.length === 0) {
    return (
      <p class="findings is-fine" role="status">
        ✓ {t("no_findings")}
      </p>
    );
  }
  const sorted = [...findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  return (
    <ul class="findings" aria-label={t("findings")}>
      {sorted.map((finding, at) => {
        const place = placeOf(text, finding);
        return (
          <li key={at} class={`is-${finding.severity}`}>
            <button type="button" class="link" data-row onClick={() => onGo(place.from, place.to)}>
              {finding.line !== null && <span class="number">{`${finding.line}:${finding.column ?? 1} `}</span>}
              <span aria-hidden="true">{finding.severity === "error" ? "✕ " : "! "}</span>
              {finding.message}
            </button>{" "}
            <code class="faint">{finding.code}</code>
            {finding.hint && <p class="faint">{finding.hint}</p>}
            {finding.code === "MISSING_CREDENTIAL" && <a href={linkTo(["credentials"])}>{t("set_value")}</a>}
            {fixesOf(text, finding).map((fix) => (
              <Button key={fix.title} onClick={() => onFix(fix.changes)}>
                {t("fix_with", { fix: fix.title })}
              </Button>
            ))}
          </li>
        );
      })}
    </ul>
  );
}
