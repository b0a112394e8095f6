/** API keys beside the account's own, and the sessions of consoles. */
import { useState } from "preact/hooks";
import { get, pathOf, post, remove } from "../../api/client";
import { useAction, useData } from "../../api/data";
import type { Right } from "../../api/types";
import { useCan } from "../../app/session";
import { Button, Confirm, Dialog, Empty, ErrorBox, Field, Page, Shown } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";
import { CopyLine } from "../workflows/StartsTab";

interface Key {
  name: string;
  can: Right;
  workflow: string | null;
  id: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

interface SessionLine {
  id: string;
  can: Right;
  workflow: string | null;
  created_at: string;
  expires_at: string;
  last_used_at?: string | null;
}

const RIGHTS: Right[] = ["read", "run", "push", "admin"];
const DAY_S = 86_400;

export function Keys() {
  const canAdmin = useCan("admin");
  const keys = useData<{ keys: Key[] }>(canAdmin ? "keys" : null, () => get("/keys"));
  const sessions = useData<{ sessions: SessionLine[] }>(canAdmin ? "sessions" : null, () => get("/sessions"));
  const [isNew, setNew] = useState(false);
  const [revoked, setRevoked] = useState<string | undefined>();
  const revoke = useAction(async (name: string) => {
    await remove(pathOf`/keys/${name}`);
    await Promise.all([keys.reload(), sessions.reload()]);
  });
  const end = useAction(async (id: string) => {
    await remove(pathOf`/sessions/${id}`);
    await sessions.reload();
  });
  if (!canAdmin) return <Page title={t("keys")}>{<Empty title={t("needs_admin")} />}</Page>;
  return (
    <Page title={t("keys")} actions={<Button kind="main" onClick={() => setNew(true)}>{t("new_key")}</Button>}>
      <Shown of={keys}>
        {({ keys: listed }) =>
          listed.length === 0 ? (
            <Empty title={t("no_keys")}>
              <p>{t("no_keys_next")}</p>
            </Empty>
          ) : (
            <div class="rows">
              {listed.map((key) => (
                <div key={key.name} class="row">
                  <span class="row-main">
                    <strong>{key.name}</strong> <span class="badge">{key.can}</span>
                    {key.workflow && <span class="faint">{key.workflow}</span>}
                  </span>
                  <span class="row-side">
                    <span class="faint">
                      {t("last_used")} <Moment at={key.last_used_at} />
                    </span>
                    {key.expires_at && (
                      <span class="faint">
                        {t("expires")} <Moment at={key.expires_at} />
                      </span>
                    )}
                    <Button kind="danger" onClick={() => setRevoked(key.name)}>
                      {t("revoke")}
                    </Button>
                  </span>
                </div>
              ))}
            </div>
          )
        }
      </Shown>
      <h2>{t("sessions")}</h2>
      {end.error && <ErrorBox error={end.error} />}
      <Shown of={sessions}>
        {({ sessions: listed }) => (
          <div class="rows">
            {listed.map((session) => (
              <div key={session.id} class="row">
                <span class="row-main">
                  <code>{session.id}</code> <span class="badge">{session.can}</span>
                </span>
                <span class="row-side">
                  <Moment at={session.created_at} />
                  <span class="faint">
                    {t("expires")} <Moment at={session.expires_at} />
                  </span>
                  <Button onClick={() => void end.run(session.id)}>{t("end_session")}</Button>
                </span>
              </div>
            ))}
          </div>
        )}
      </Shown>
      {isNew && <NewKey onClose={() => setNew(false)} onMade={keys.reload} />}
      {revoked !== undefined && (
        <Confirm title={t("revoke")} text={t("revoke_text", { name: revoked })} action={t("revoke")} error={revoke.error} onConfirm={() => revoke.run(revoked)} onClose={() => setRevoked(undefined)} />
      )}
    </Page>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: () => Promise<void> }) {
  const [name, setName] = useState("");
  const [can, setCan] = useState<Right>("read");
  const [workflow, setWorkflow] = useState("");
  const [days, setDays] = useState("");
  const [made, setMade] = useState<string | undefined>();
  const make = useAction(async () => {
    const terms = { ...(workflow ? { workflow } : {}), ...(days ? { expires_in_s: Math.round(Number(days) * DAY_S) } : {}) };
    const key = await post<{ key: string }>("/keys", { name, can, ...terms });
    setMade(key.key);
    await onMade();
  });
  return (
    <Dialog title={t("new_key")} onClose={onClose}>
      {made !== undefined ? (
        <>
          <p class="notice">{t("key_once")}</p>
          <CopyLine text={made} />
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void make.run();
          }}
        >
          <Field label={t("name")}>{(id) => <input id={id} type="text" autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
          <Field label={t("right")} hint={t(`right_${can}`)}>
            {(id) => (
              <select id={id} value={can} onChange={(event) => setCan(event.currentTarget.value as Right)}>
                {RIGHTS.map((right) => (
                  <option key={right}>{right}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t("only_workflow")}>{(id) => <input id={id} type="text" value={workflow} onInput={(event) => setWorkflow(event.currentTarget.value)} />}</Field>
          <Field label={t("expires_days")}>{(id) => <input id={id} type="number" min="0.01" step="any" value={days} onInput={(event) => setDays(event.currentTarget.value)} />}</Field>
          {make.error && <ErrorBox error={make.error} />}
          <div class="actions is-end">
            <Button onClick={onClose}>{t("cancel")}</Button>
            <Button kind="main" type="submit" busy={make.isBusy} disabled={name === ""}>
              {t("make_key")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
