/** All schedules, by when they are due. */
import { useData } from "../../api/data";
import type { Schedule } from "../../api/types";
import { linkTo } from "../../app/router";
import { Empty, Page, Shown } from "../../parts/pieces";
import { t } from "../../texts";
import { ScheduleActions, ScheduleLine } from "../workflows/StartsTab";
import { loadSchedules } from "../workflows/WorkflowList";

const LIVE_MS = 10_000;
const dueOf = (schedule: Schedule): string => (schedule.paused ? "~" : (schedule.next[0]?.utc ?? "~"));

export function Schedules() {
  const loaded = useData("schedules", loadSchedules, LIVE_MS);
  return (
    <Page title={t("schedules")}>
      <Shown of={loaded}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t("no_schedules_at_all")}>
              <p>{t("no_schedules_next")}</p>
              <pre>{"triggers:\n  schedule: {cron: \"0 9 * * *\", zone: Europe/Berlin}"}</pre>
            </Empty>
          ) : (
            <div class="rows">
              {[...all]
                .sort((a, b) => dueOf(a).localeCompare(dueOf(b)))
                .map((schedule) => (
                  <div key={`${schedule.workflow} ${schedule.number}`} class="row">
                    <span class="row-main">
                      <a data-row href={linkTo(["workflows", schedule.workflow, "starts"])}>
                        <strong>{schedule.workflow}</strong>
                      </a>
                      <ScheduleLine schedule={schedule} />
                    </span>
                    <span class="row-side">
                      <ScheduleActions name={schedule.workflow} isPaused={schedule.paused} reload={loaded.reload} />
                    </span>
                  </div>
                ))}
            </div>
          )
        }
      </Shown>
    </Page>
  );
}
