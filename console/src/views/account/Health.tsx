/** Usage against the plan, limits, and what wants somebody's attention. */
import { useContext } from "preact/hooks";
import { get } from "../../api/client";
import { useData } from "../../api/data";
import { linkTo } from "../../app/router";
import { SessionContext } from "../../app/session";
import { Fact, Page, Shown, Status } from "../../parts/pieces";
import { currentLanguage, t, wordOf } from "../../texts";
import { formatBytes } from "../../parts/values";
import { AccountLimits } from "./AccountLimits";

interface Usage {
  plan: string;
  usage: { name: string; used: number; most: number | null; is_estimate: boolean }[];
}

interface Plan {
  plan: string;
  cpu_ms: number | null;
  subrequests: number;
  has_sandbox: boolean;
  /** Of a tenant of a hosted platform. */
  account?: Record<string, number>;
}

interface Unsettled {
  dead: Record<string, number>;
  queued: Record<string, number>;
  failed: Record<string, string>;
}

interface Check {
  name: string;
  ok: boolean;
  warns: boolean;
  detail: string;
  hint: string;
}

const LIVE_MS = 15_000;

export function Health() {
  const session = useContext(SessionContext);
  const isShared = session?.platform.multi_tenant === true; // a tenant's is counted in its own KV: once is enough
  const usage = useData<Usage>("/usage", () => get("/usage"), isShared ? 0 : LIVE_MS);
  const plan = useData<Plan>("/plan", () => get("/plan"));
  const unsettled = useData<Unsettled>("/runs/unsettled", () => get("/runs/unsettled"), LIVE_MS);
  const checks = useData<{ checks: Check[] }>(session?.workflow ? null : "/checks", () => get("/checks"));
  return (
    <Page title={t("health")}>
      <section class="card">
        <h2>{t("attention")}</h2>
        <Shown of={unsettled}>{(data) => <Attention unsettled={data} />}</Shown>
      </section>
      {!session?.workflow && (
        <section class="card">
          <h2>{t("checks")}</h2>
          <Shown of={checks}>{(data) => <Checks checks={data.checks} />}</Shown>
          <p class="faint">
            {t("doctor_hint")} <code>acr doctor</code>
          </p>
        </section>
      )}
      <section class="card">
        <h2>{t("usage")}</h2>
        <Shown of={usage}>
          {({ usage: lines }) => (
            <dl class="meters">
              {lines.map((line) => (
                <div key={line.name}>
                  <dt>{usageWord(line.name)}</dt>
                  <dd>
                    <span class="number">
                      {line.is_estimate ? "≈ " : ""}
                      {amount(line.name, line.used)}
                      {line.most !== null && ` / ${amount(line.name, line.most)}`}
                    </span>
                    {line.most !== null && <meter min={0} max={line.most} high={line.most * 0.8} value={line.used} aria-label={usageWord(line.name)} />}
                  </dd>
                </div>
              ))}
            </dl>
          )}
        </Shown>
      </section>
      {plan.data?.account && <AccountLimits limits={plan.data.account} />}
      <section class="card">
        <h2>{t("limits")}</h2>
        <Shown of={plan}>
          {(data) => (
            <dl class="facts">
              <Fact title={t("plan")}>{data.plan}</Fact>
              <Fact title={t("limit_cpu")}>{data.cpu_ms === null ? t("no_limit") : `${data.cpu_ms} ms`}</Fact>
              <Fact title={t("limit_subrequests")}>{data.subrequests.toLocaleString(currentLanguage())}</Fact>
              <Fact title={t("limit_sandbox")}>{data.has_sandbox ? t("yes") : t("no")}</Fact>
              {session?.platform?.version && <Fact title={t("platform_version")}>{session.platform.version}</Fact>}
            </dl>
          )}
        </Shown>
      </section>
    </Page>
  );
}

function Checks({ checks }: { checks: Check[] }) {
  return (
    <ul class="plain-list">
      {checks.map(({ name, ok, warns, detail, hint }) => (
        <li key={name}>
          <p>
            <Status of={!ok ? "failed" : warns ? "warns" : "success"} bare /> <strong>{checkWord(name)}</strong> {detail}
          </p>
          {hint && <p class="faint">{hint}</p>}
        </li>
      ))}
    </ul>
  );
}

const checkWord = (name: string): string => wordOf("check", name.replace(/ /g, "_"), name);
const usageWord = (name: string): string => wordOf("usage", name);

const amount = (name: string, value: number): string => (name.endsWith("bytes") ? formatBytes(value) : value.toLocaleString(currentLanguage()));

function Attention({ unsettled }: { unsettled: Unsettled }) {
  const { dead, queued, failed } = unsettled;
  const isFine = [dead, queued, failed].every((each) => Object.keys(each).length === 0);
  if (isFine) return <p>✓ {t("all_fine")}</p>;
  return (
    <ul class="plain-list">
      {Object.entries(failed).map(([name, id]) => (
        <li key={`failed ${name}`}>
          <Status of="failed" /> <a href={linkTo(["runs", id])}>{t("last_run_failed", { name })}</a>
        </li>
      ))}
      {Object.entries(dead).map(([name, count]) => (
        <li key={`dead ${name}`}>
          <Status of="lost" bare /> <a href={linkTo(["runs"], { workflow: name, dead: 1 })}>{t("has_dead", { name, count })}</a>
        </li>
      ))}
      {Object.entries(queued).map(([name, count]) => (
        <li key={`queued ${name}`}>
          <Status of="queued" bare /> <a href={linkTo(["runs"], { workflow: name, status: "queued" })}>{t("has_queued", { name, count })}</a>
        </li>
      ))}
    </ul>
  );
}
