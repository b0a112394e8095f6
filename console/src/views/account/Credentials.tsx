/** Credentials by name: which workflows use them, when they were last used. A value is set here, and never shown. */
import { useState } from "preact/hooks";
import { get, pathOf, put, remove } from "../../api/client";
import { forget, useAction, useData } from "../../api/data";
import { linkTo } from "../../app/router";
import { useCan } from "../../app/session";
import { Button, Confirm, Dialog, Empty, ErrorBox, Field, Page, Shown, toast } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";

interface Credential {
  name: string;
  updated_at?: string | null;
  last_used_at?: string | null;
  used_by?: string[];
  is_missing?: boolean;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export function Credentials() {
  const canPush = useCan("push");
  const canAdmin = useCan("admin");
  const loaded = useData<{ credentials: Credential[] }>("credentials", () => get("/credentials"));
  const [edited, setEdited] = useState<string | undefined>();
  const [removed, setRemoved] = useState<string | undefined>();
  const erase = useAction(async (name: string) => {
    await remove(pathOf`/credentials/${name}`);
    forget("credentials");
    await loaded.reload();
  });
  if (!canPush) return <Page title={t("credentials")}>{<Empty title={t("needs_push")} />}</Page>;
  return (
    <Page title={t("credentials")} actions={canAdmin && <Button kind="main" onClick={() => setEdited("")}>{t("new_credential")}</Button>}>
      <p class="faint">{t("credentials_text")}</p>
      <Shown of={loaded}>
        {({ credentials }) =>
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
                    {credential.is_missing && <span class="row-error">{t("credential_missing")}</span>}
                    <span class="faint">
                      {credential.used_by?.length ? t("used_by") : t("used_by_none")}{" "}
                      {credential.used_by?.map((name) => (
                        <a key={name} href={linkTo(["workflows", name])}>
                          {name}{" "}
                        </a>
                      ))}
                    </span>
                  </span>
                  <span class="row-side">
                    {credential.updated_at && (
                      <span class="faint">
                        {t("set_at")} <Moment at={credential.updated_at} />
                      </span>
                    )}
                    {credential.last_used_at && (
                      <span class="faint">
                        {t("last_used")} <Moment at={credential.last_used_at} />
                      </span>
                    )}
                    {canAdmin && <Button onClick={() => setEdited(credential.name)}>{t("set_value")}</Button>}
                    {canAdmin && !credential.is_missing && (
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
    forget("credentials");
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
