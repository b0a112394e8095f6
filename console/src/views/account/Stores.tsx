/** What workflows keep between their runs: listed, looked at, changed. */
import { useState } from "preact/hooks";
import { get, getAll, pathOf, put, queryOf, remove } from "../../api/client";
import { useAction, useData } from "../../api/data";
import { parseJson } from "../../api/exact";
import type { Json } from "../../api/types";
import { linkTo, type Route } from "../../app/router";
import { useCan } from "../../app/session";
import { JsonView } from "../../parts/json";
import { Button, Confirm, Dialog, Empty, ErrorBox, Field, Page, Shown } from "../../parts/pieces";
import { Moment } from "../../parts/time";
import { t } from "../../texts";
import { formatBytes, jsonProblem } from "../../parts/values";

interface Store {
  kind: "workflow" | "shared";
  name: string;
  entries: number;
  bytes: number;
}

interface Entry {
  key: string;
  bytes: number;
  expires_ms: number | null;
}

export function Stores({ route }: { route: Route }) {
  const [, kind, name] = route.path;
  return kind && name ? <Entries kind={kind} name={name} /> : <StoreList />;
}

function StoreList() {
  const loaded = useData("stores", () => getAll<Store>("/stores", "stores"));
  return (
    <Page title={t("stores")}>
      <Shown of={loaded}>
        {(stores) =>
          stores.length === 0 ? (
            <Empty title={t("no_stores")}>
              <p>{t("no_stores_next")}</p>
              <pre>{"config:\n  seen: {component: store, operation: add_once, key: \"{{input.id}}\"}"}</pre>
            </Empty>
          ) : (
            <div class="rows">
              {stores.map((store) => (
                <a key={`${store.kind} ${store.name}`} class="row" data-row href={linkTo(["stores", store.kind, store.name])}>
                  <span class="row-main">
                    <strong>{store.name}</strong> <span class="faint">{t(store.kind === "shared" ? "store_shared" : "store_workflow")}</span>
                  </span>
                  <span class="row-side">
                    <span class="number">{t("entries", { count: store.entries })}</span>
                    <span class="number faint">{formatBytes(store.bytes)}</span>
                  </span>
                </a>
              ))}
            </div>
          )
        }
      </Shown>
    </Page>
  );
}

function Entries({ kind, name }: { kind: string; name: string }) {
  const canPush = useCan("push");
  const [prefix, setPrefix] = useState("");
  const [opened, setOpened] = useState<string | undefined>();
  const [isNew, setNew] = useState(false);
  const path = pathOf`/stores/${kind}/${name}`;
  const listed = `${path}${queryOf({ prefix, limit: 100 })}`;
  const loaded = useData<{ entries: Entry[]; cursor: string | null }>(listed, () => get(listed));
  return (
    <Page title={`${t("stores")} › ${name}`} actions={canPush && <Button onClick={() => setNew(true)}>{t("new_entry")}</Button>}>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <input type="search" data-search value={prefix} placeholder={t("key_prefix")} aria-label={t("key_prefix")} onInput={(event) => setPrefix(event.currentTarget.value)} />
      </form>
      <Shown of={loaded}>
        {({ entries, cursor }) =>
          entries.length === 0 ? (
            <Empty title={t("nothing_found")} />
          ) : (
            <div class="rows">
              {entries.map((entry) => (
                <button key={entry.key} type="button" class="row" data-row onClick={() => setOpened(entry.key)}>
                  <span class="row-main">
                    <code>{entry.key}</code>
                  </span>
                  <span class="row-side">
                    <span class="number faint">{formatBytes(entry.bytes)}</span>
                    {entry.expires_ms !== null && (
                      <span class="faint">
                        {t("expires")} <Moment at={new Date(entry.expires_ms).toISOString()} />
                      </span>
                    )}
                  </span>
                </button>
              ))}
              {cursor && <p class="faint">{t("more_entries")}</p>}
            </div>
          )
        }
      </Shown>
      {(opened !== undefined || isNew) && (
        <EntryDialog
          path={path}
          entryKey={opened}
          onClose={() => {
            setOpened(undefined);
            setNew(false);
          }}
          onChanged={loaded.reload}
        />
      )}
    </Page>
  );
}

function EntryDialog({ path, entryKey, onClose, onChanged }: { path: string; entryKey?: string; onClose: () => void; onChanged: () => Promise<void> }) {
  const canPush = useCan("push");
  const [key, setKey] = useState(entryKey ?? "");
  const [text, setText] = useState<string | undefined>(entryKey === undefined ? "null" : undefined);
  const [isRemoving, setRemoving] = useState(false);
  const loaded = useData<{ key: string; value: Json }>(entryKey === undefined ? null : `${path} ${entryKey}`, () => get(`${path}/entry${queryOf({ key: entryKey })}`));
  const problem = text === undefined ? undefined : jsonProblem(text);
  const save = useAction(async () => {
    await put(`${path}/entry${queryOf({ key })}`, { value: parseJson(text!) });
    await onChanged();
    onClose();
  });
  const erase = useAction(async () => {
    await remove(`${path}/entry${queryOf({ key })}`);
    await onChanged();
    onClose();
  });
  return (
    <Dialog title={entryKey ?? t("new_entry")} onClose={onClose} wide>
      {entryKey === undefined && (
        <Field label={t("key")}>{(id) => <input id={id} type="text" value={key} onInput={(event) => setKey(event.currentTarget.value)} />}</Field>
      )}
      {loaded.error && <ErrorBox error={loaded.error} />}
      {loaded.data && text === undefined && <JsonView value={loaded.data.value} />}
      {text !== undefined && (
        <Field label={t("value")} hint={problem}>
          {(id) => <textarea id={id} rows={8} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        </Field>
      )}
      {save.error && <ErrorBox error={save.error} />}
      {canPush && (
        <div class="actions is-end">
          {entryKey !== undefined && (
            <Button kind="danger" onClick={() => setRemoving(true)}>
              {t("remove")}
            </Button>
          )}
          {text === undefined ? (
            <Button disabled={!loaded.data} onClick={() => setText(JSON.stringify(loaded.data!.value, null, 2))}>
              {t("change")}
            </Button>
          ) : (
            <Button kind="main" busy={save.isBusy} disabled={problem !== undefined || key === ""} onClick={() => void save.run()}>
              {t("save")}
            </Button>
          )}
        </div>
      )}
      {isRemoving && <Confirm title={t("remove")} text={t("remove_entry_text", { key })} action={t("remove")} error={erase.error} onConfirm={erase.run} onClose={() => setRemoving(false)} />}
    </Dialog>
  );
}
