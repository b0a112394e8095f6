/** A JSON value as a tree: opened by clicks, searched, and each part copied as the reference that a template would use. */
import { useMemo, useState } from "preact/hooks";
import type { Json } from "../api/types";
import { t } from "../texts";
import { Copy, copyText, toast } from "./pieces";

const SHOWN = 100; // children at a time
const MAX_TEXT = 2_000;
const PLAIN_NAME = /^[A-Za-z_][\w-]*$/;

/** `a.b[0]["odd name"]`, as templates write it. */
export function extendPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!PLAIN_NAME.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** What a record had no room for; without `preview` where it had none for the beginning either. */
const isCut = (value: Json): value is { _truncated: true; bytes: number; preview?: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && value["_truncated"] === true && typeof value["bytes"] === "number";

function contains(value: Json, text: string): boolean {
  if (value === null || typeof value !== "object") return String(value).toLowerCase().includes(text);
  if (Array.isArray(value)) return value.some((each) => contains(each, text));
  return Object.entries(value).some(([key, each]) => key.toLowerCase().includes(text) || contains(each, text));
}

/** `root` is the reference of the whole value, such as `orders.data`; empty if it cannot be referred to. */
export function JsonView({ value, root = "", depth = 2 }: { value: Json; root?: string; depth?: number }) {
  const [search, setSearch] = useState("");
  const isLarge = useMemo(() => JSON.stringify(value).length > 300, [value]);
  const text = search.trim().toLowerCase();
  return (
    <div class="json">
      {isLarge && (
        <div class="json-tools">
          <input
            type="search"
            value={search}
            placeholder={t("search_value")}
            aria-label={t("search_value")}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
          <Copy text={JSON.stringify(value, null, 2)}>{t("copy_json")}</Copy>
        </div>
      )}
      <div class="json-tree">
        <Value value={value} path={root} text={text} depth={depth} />
      </div>
      {text !== "" && !contains(value, text) && <p class="faint">{t("nothing_found")}</p>}
    </div>
  );
}

interface ValueProps {
  value: Json;
  name?: string | number;
  path: string;
  text: string;
  depth: number;
}

function Value({ value, name, path, text, depth }: ValueProps) {
  const isBranch = value !== null && typeof value === "object" && !isCut(value);
  if (!isBranch) {
    return (
      <div class="json-line">
        <Name name={name} path={path} />
        <Leaf value={value} />
      </div>
    );
  }
  return <Branch value={value} name={name} path={path} text={text} depth={depth} />;
}

function Branch({ value, name, path, text, depth }: ValueProps & { value: Json[] | { [key: string]: Json } }) {
  const [isOpen, setOpen] = useState<boolean | undefined>(undefined);
  const [most, setMost] = useState(SHOWN);
  const isList = Array.isArray(value);
  const entries: [string | number, Json][] = isList ? value.map((each, at) => [at, each]) : Object.entries(value);
  const found =
    text === "" ? entries : entries.filter(([key, each]) => String(key).toLowerCase().includes(text) || contains(each, text));
  const opened = isOpen ?? (text !== "" || depth > 0);
  const count = isList ? `[${entries.length}]` : `{${entries.length}}`;
  return (
    <div class="json-branch">
      <div class="json-line">
        {entries.length > 0 ? (
          <button type="button" class="json-toggle" aria-expanded={opened} onClick={() => setOpen(!opened)}>
            <span aria-hidden="true">{opened ? "▾" : "▸"}</span>
            <span class="visually-hidden">{`${name ?? ""} ${count}`}</span>
          </button>
        ) : (
          <span class="json-toggle" />
        )}
        <Name name={name} path={path} />
        <span class="json-count">{count}</span>
      </div>
      {opened && (
        <div class="json-children">
          {found.slice(0, most).map(([key, each]) => (
            <Value key={key} value={each} name={key} path={path === "" ? "" : extendPath(path, key)} text={text} depth={depth - 1} />
          ))}
          {found.length > most && (
            <button type="button" class="button is-quiet" onClick={() => setMost(most + SHOWN * 5)}>
              {t("more_of", { count: found.length - most })}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Name({ name, path }: { name?: string | number; path: string }) {
  if (name === undefined) return null;
  if (path === "") return <span class="json-name">{name}: </span>;
  const reference = `{{${path}}}`;
  const copy = async () => {
    await copyText(reference);
    toast(t("copied_reference", { reference }));
  };
  return (
    <>
      <button type="button" class="json-name" title={t("copy_reference", { reference })} onClick={() => void copy()}>
        {name}
      </button>
      <span class="json-name">: </span>
    </>
  );
}

function Leaf({ value }: { value: Json }) {
  const [isWhole, setWhole] = useState(false);
  if (isCut(value)) {
    return (
      <span class="json-cut">
        {t("cut_value", { bytes: value.bytes })} {typeof value.preview === "string" && <code>{value.preview.slice(0, 400)}</code>}
      </span>
    );
  }
  if (typeof value !== "string") return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
  const isCutHere = value.length > MAX_TEXT && !isWhole;
  return (
    <span class="json-string">
      {JSON.stringify(isCutHere ? value.slice(0, MAX_TEXT) : value)}
      {isCutHere && (
        <button type="button" class="button is-quiet" onClick={() => setWhole(true)}>
          {t("show_all", { count: value.length })}
        </button>
      )}
    </span>
  );
}
