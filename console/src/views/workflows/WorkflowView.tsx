/** One workflow: edited, its runs, its versions, what starts it, its settings. */
import { useEffect } from "preact/hooks";
import { ApiError, get, pathOf } from "../../api/client";
import { useData } from "../../api/data";
import type { Workflow } from "../../api/types";
import { linkTo, replaceLink, type Route } from "../../app/router";
import { draftOf } from "../../editor/useEditor";
import { ErrorBox, Loading, Page, Tabs } from "../../parts/pieces";
import { t } from "../../texts";
import { RunTable } from "../runs/RunList";
import { EditTab } from "./EditTab";
import { SettingsTab } from "./SettingsTab";
import { StartsTab } from "./StartsTab";
import { VersionsTab } from "./VersionsTab";

export function WorkflowView({ route }: { route: Route }) {
  const name = route.path[1] ?? "";
  const tab = route.path[2] ?? "edit";
  const isBegun = route.query.has("new") && draftOf(name) !== undefined;
  const loaded = useData<Workflow>(isBegun ? null : `workflow:${name}`, () => get<Workflow>(pathOf`/webhooks/named/${name}`));
  const isMissing = loaded.error instanceof ApiError && loaded.error.code === "WORKFLOW_NOT_FOUND";
  const isNew = isBegun || (isMissing && draftOf(name) !== undefined);
  useEffect(() => {
    document.title = `${name} · arcrun`;
  }, [name]);
  const link = (id: string) => linkTo(["workflows", name, ...(id === "edit" ? [] : [id])]);
  const tabs = [
    { id: "edit", title: t("tab_edit"), href: link("edit") },
    { id: "runs", title: t("runs"), href: link("runs") },
    { id: "versions", title: t("versions"), href: link("versions") },
    { id: "starts", title: t("tab_starts"), href: link("starts") },
    { id: "settings", title: t("settings"), href: link("settings") },
  ];
  const workflow = loaded.data;
  const reload = loaded.reload;
  return (
    <Page
      title={
        <>
          {name}
          {workflow && <span class="faint"> v{workflow.version}</span>}
          {workflow?.paused && <span class="badge"> {t("paused")}</span>}
          {isNew && <span class="badge"> {t("not_pushed")}</span>}
        </>
      }
    >
      {!isNew && <Tabs tabs={tabs} current={tab} />}
      {loaded.error && !isMissing && <ErrorBox error={loaded.error} retry={() => void reload()} />}
      {isMissing && !isNew && <ErrorBox error={loaded.error!} />}
      {!workflow && !loaded.error && !isNew && <Loading />}
      {(workflow || isNew) && (tab === "edit" || isNew) && <EditTab key={name} name={name} workflow={workflow} reload={reload} />}
      {workflow && tab === "runs" && (
        <RunTable
          fixed="workflow"
          filter={{ ...Object.fromEntries(route.query), workflow: name }}
          onFilter={({ workflow: _own, ...filter }) => replaceLink(linkTo(["workflows", name, "runs"], filter))}
        />
      )}
      {workflow && tab === "versions" && <VersionsTab workflow={workflow} reload={reload} />}
      {workflow && tab === "starts" && <StartsTab workflow={workflow} reload={reload} />}
      {workflow && tab === "settings" && <SettingsTab workflow={workflow} reload={reload} />}
    </Page>
  );
}
