/** What starts a workflow: its webhook, its schedules, mail, other workflows. */
import { pathOf, post } from "../../api/client";
import { forget, useAction } from "../../api/data";
import type { Schedule, Workflow } from "../../api/types";
import { linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { curlOf, signerOf } from "../../editor/curl";
import { sourceText } from "../../graph/flow";
import { Button, Copy, ErrorBox, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";

/** An address that starts with a path is the executor's own. */
const absolute = (url: string): string => new URL(url, window.location.origin).href;

export function StartsTab({ workflow, reload }: { workflow: Workflow; reload: () => Promise<void> }) {
  const url = absolute(workflow.webhook_url);
  const text = sourceText(workflow.workflow);
  const curl = curlOf(url, text);
  const isHidden = url.includes("…") || url.includes("%E2%80%A6");
  return (
    <>
      <section class="card">
        <h2>{t("webhook")}</h2>
        {isHidden ? (
          <p class="faint">{t("webhook_hidden")}</p>
        ) : (
          <>
            <p>{t("webhook_text")}</p>
            <CopyLine text={url} />
            {curl === undefined ? (
              <p class="faint">{t("curl_signed", { scheme: signerOf(text) })}</p>
            ) : (
              <>
                <p class="faint">{t("curl")}</p>
                <CopyLine text={curl} />
              </>
            )}
          </>
        )}
        {workflow.refused && (
          <p class="notice">
            {t("refused", { count: workflow.refused.count })}: {Object.entries(workflow.refused.codes).map(([code, count]) => `${code} ×${count}`).join(", ")} · <Moment at={workflow.refused.last_at} />
          </p>
        )}
      </section>
      {workflow.email_address && (
        <section class="card">
          <h2>{t("mail")}</h2>
          <CopyLine text={workflow.email_address} />
        </section>
      )}
      <section class="card">
        <h2>{t("schedules")}</h2>
        {workflow.schedules?.length ? (
          <>
            {workflow.schedules.map((schedule) => (
              <ScheduleLine key={schedule.number} schedule={schedule} />
            ))}
            <ScheduleActions name={workflow.name} isPaused={workflow.schedules.every((each) => each.paused)} reload={reload} />
          </>
        ) : (
          <>
            <p class="faint">{t("no_schedules")}</p>
            <pre>{"triggers:\n  schedule: {cron: \"0 9 * * *\", zone: Europe/Berlin}"}</pre>
          </>
        )}
      </section>
      <Chains workflow={workflow} />
    </>
  );
}

export function CopyLine({ text }: { text: string }) {
  return (
    <div class="copy-line">
      <code tabIndex={0}>{text}</code>
      <Copy text={text} />
    </div>
  );
}

export const describeSchedule = (schedule: Schedule): string =>
  schedule.watch ? `${t("watch")} ${schedule.every ?? schedule.cron ?? ""}` : [schedule.cron ?? (schedule.every ? t("every", { time: schedule.every }) : schedule.at), schedule.zone].filter(Boolean).join(" ");

export function ScheduleLine({ schedule }: { schedule: Schedule }) {
  return (
    <div class="schedule">
      <code>{describeSchedule(schedule)}</code>
      {schedule.paused ? (
        <span class="badge">{t("paused")}</span>
      ) : (
        <span>
          {t("next")} <Moment at={schedule.next[0]?.utc} /> <span class="faint">{schedule.next[0] && <Moment at={schedule.next[0].utc} exact />}</span>
        </span>
      )}
      {schedule.last_run_id && (
        <a href={linkTo(["runs", schedule.last_run_id])}>
          {t("last_run")} <Moment at={schedule.last_due_at} />
        </a>
      )}
      {schedule.delayed_since && (
        <span class="row-error">
          {t("delayed_since")} <Moment at={schedule.delayed_since} />
        </span>
      )}
      {(schedule.missed > 0 || schedule.skipped > 0) && <span class="faint">{t("missed", { missed: schedule.missed, skipped: schedule.skipped })}</span>}
      {schedule.watch && (
        <span class={schedule.watch.error ? "row-error" : "faint"}>
          {t("polled")} <Moment at={schedule.watch.last_polled_at} />
          {schedule.watch.error ? `: ${schedule.watch.error}` : `, ${t("polled_found", { listed: schedule.watch.listed, started: schedule.watch.started })}`}
        </span>
      )}
    </div>
  );
}

export function ScheduleActions({ name, isPaused, reload }: { name: string; isPaused: boolean; reload: () => Promise<void> }) {
  const [canPush, canRun] = [useCan("push"), useCan("run")];
  const act = useAction(async (what: "pause" | "resume" | "run") => {
    await post(`${pathOf`/schedules/${name}`}/${what}`);
    forget("schedules");
    toast(t(what === "run" ? "run_started" : what === "pause" ? "schedules_paused" : "schedules_resumed"));
    await reload();
  });
  return (
    <>
      {act.error && <ErrorBox error={act.error} />}
      <div class="actions">
        {canPush && (
          <Button busy={act.isBusy} onClick={() => void act.run(isPaused ? "resume" : "pause")}>
            {t(isPaused ? "resume" : "pause")}
          </Button>
        )}
        {canRun && (
          <Button busy={act.isBusy} onClick={() => void act.run("run")}>
            {t("run_now")}
          </Button>
        )}
      </div>
    </>
  );
}

function Chains({ workflow }: { workflow: Workflow }) {
  const lists: [string, string[] | null | undefined][] = [
    [t("calls"), workflow.calls],
    [t("called_by"), workflow.called_by],
    [t("after"), workflow.after],
    [t("followed_by"), workflow.followed_by],
    [t("failure_of"), workflow.failure_of],
  ];
  const shown = lists.filter(([, names]) => names?.length);
  if (shown.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("connected")}</h2>
      <dl class="facts is-small">
        {shown.map(([title, names]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>
              {names!.map((name) => (
                <>
                  <a href={linkTo(["workflows", name])}>{name}</a>{" "}
                </>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
