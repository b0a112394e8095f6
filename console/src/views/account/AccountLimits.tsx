/** What an account may take of a platform that it shares with others, by the names that `GET /plan` has. */
import { Fact } from "../../parts/pieces";
import { formatDuration } from "../../parts/time";
import { formatBytes } from "../../parts/values";
import { currentLanguage, t, wordOf } from "../../texts";

export function AccountLimits({ limits }: { limits: Record<string, number> }) {
  return (
    <section class="card">
      <h2>{t("account_limits")}</h2>
      <dl class="facts">
        {Object.entries(limits).map(([name, most]) => (
          <Fact key={name} title={wordOf("account", name)}>
            {amountOf(name, most)}
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function amountOf(name: string, most: number): string {
  if (name.endsWith("_bytes")) return formatBytes(most);
  return name.endsWith("_ms") ? formatDuration(most) : most.toLocaleString(currentLanguage());
}
