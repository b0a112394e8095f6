/** Credentials by name: which workflows use them, when they were last used. A value is set here, and never shown. */
import { useState } from "preact/hooks";
import { get, pathOf, put, queryOf, remove } from "../../api/client";
import { forget, peek, useAction, useData } from "../../api/data";
import { loadRecent } from "../../api/recent";
import { linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { Button, Confirm, Dialog, Empty, ErrorBox, Field, Page, Shown, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { ownOf } from "../../parts/values";
import { t } from "../../texts";

interface Credential {
  name: string;
  usedBy: string[];
  isMissing: boolean;
  /** When a workflow that uses it last ran. */
  lastRunAt?: string;
}

type Uses = Map<string, string[]>;

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;

/** Those that are stored, and those that workflows need and nobody has stored. */
async function loadCredentials(): Promise<Credential[]> {
  const [stored, uses, recent] = await Promise.all([get<{ credentials: { name: string }[] }>("/credentials"), loadUses(), loadRecent(peek("recent"))]);
  const names = new Set(stored.credentials.map(({ name }) => name));
  return [...new Set([...names, ...uses.keys()])].sort().map((name) => {
    const usedBy = uses.get(name) ?? [];
    const times = usedBy.flatMap((workflow) => ownOf(recent.runs, workflow)?.[0]?.started_at ?? []).sort();
    return { name, usedBy, isMissing: !names.has(name), lastRunAt: times.at(-1) };
  });
}

async function loadUses(): Promise<Uses> {
  const uses: Uses = new Map();
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { uses: Record<string, string[]>; cursor: string | null } = await get(`/credentials/uses${queryOf({ cursor })}`);
    for (const [name, workflows] of Object.entries(page.uses)) uses.set(name, [...(uses.get(name) ?? []), ...workflows]);
    cursor = page.cursor;
  }
  return uses;
}

export function Credentials() {
  const canPush = useCan("push");
  const canAdmin = useCan("admin");
  const loaded = useData(canPush ? "credential uses" : null, loadCredentials);
  const [edited, setEdited] = useState<string | undefined>();
  const [removed, setRemoved] = useState<string | undefined>();
  const erase = useAction(async (name: string) => {
    await remove(pathOf`/credentials/${name}`);
    forget("credential");
    await loaded.reload();
  });
  if (!canPush) return <Page title={t("credentials")}>{<Empty title={t("needs_push")} />}</Page>;
  return (
    <Page title={t("credentials")} actions={canAdmin && <Button kind="main" onClick={() => setEdited("")}>{t("new_credential")}</Button>}>
      <p class="faint">{t("credentials_text")}</p>
      <Shown of={loaded}>
        {(credentials) =>
          credentials.length === 0 ? (
            <Empty title={t("no_credentials")}>
              <p>{t("no_credentials_next")}</p>
            </Empty>
          ) : (
            <div class="rows">
              {credentials.map((credential) => (
                <div key={credential.name} class="row">
                  <span class="row-main">
                    <strong>{credential.name}</strong>
                    {credential.isMissing && <span class="row-error">{t("credential_missing")}</span>}
                    <span class="faint">
                      {credential.usedBy.length ? t("used_by") : t("used_by_none")}{" "}
                      {credential.usedBy.map((name) => (
                        <a key={name} href={linkTo(["workflows", name])}>
                          {name}{" "}
                        </a>
                      ))}
                    </span>
                  </span>
                  <span class="row-side">
                    {credential.lastRunAt && (
                      <span class="faint">
                        {t("last_used")} <Moment at={credential.lastRunAt} />
                      </span>
                    )}
                    {canAdmin && <Button onClick={() => setEdited(credential.name)}>{t("set_value")}</Button>}
                    {canAdmin && !credential.isMissing && (
                      <Button kind="quiet" label={t("remove_credential", { name: credential.name })} onClick={() => setRemoved(credential.name)}>
                        ✕
                      </Button>
                    )}
                  </span>
                </div>
              ))}
            </div>
          )
        }
      </Shown>
      {edited !== undefined && <SetValue name={edited} onClose={() => setEdited(undefined)} onSet={loaded.reload} />}
      {removed !== undefined && (
        <Confirm
          title={t("remove_credential", { name: removed })}
          text={t("remove_credential_text")}
          action={t("remove")}
          error={erase.error}
          onConfirm={() => erase.run(removed)}
          onClose={() => setRemoved(undefined)}
        />
      )}
    </Page>
  );
}

function SetValue({ name, onClose, onSet }: { name: string; onClose: () => void; onSet: () => Promise<void> }) {
  const [own, setOwn] = useState(name);
  const [value, setValue] = useState("");
  const isWrong = own !== "" && !NAME.test(own);
  const set = useAction(async () => {
    await put(pathOf`/credentials/${own}`, { value });
    setValue("");
    forget("credential");
    toast(t("credential_set", { name: own }));
    await onSet();
    onClose();
  });
  return (
    <Dialog title={name ? t("set_value_of", { name }) : t("new_credential")} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void set.run();
        }}
      >
        {!name && (
          <Field label={t("name")} hint={isWrong ? t("credential_name_wrong") : undefined}>
            {(id) => <input id={id} type="text" autocomplete="off" value={own} aria-invalid={isWrong} onInput={(event) => setOwn(event.currentTarget.value)} />}
          </Field>
        )}
        <Field label={t("value")} hint={t("value_hint")}>
          {(id) => <textarea id={id} rows={3} class="is-secret" autocomplete="off" spellcheck={false} value={value} onInput={(event) => setValue(event.currentTarget.value)} />}
        </Field>
        {set.error && <ErrorBox error={set.error} />}
        <div class="actions is-end">
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button kind="main" type="submit" busy={set.isBusy} disabled={own === "" || isWrong || value === ""}>
            {t("set_value")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
