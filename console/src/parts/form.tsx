/** Inputs made from a JSON Schema: texts, numbers, choices, switches; of objects and lists the parts, or their JSON. */
import { useEffect, useRef, useState } from "preact/hooks";
import { parseJson, readNumber } from "../api/exact";
import type { Json, Schema } from "../api/types";
import { t } from "../texts";
import { Button, Field } from "./pieces";
import { sampleOf } from "./sample";
import { objectOf, ownOf } from "./values";

interface SchemaFieldProps {
  name: string;
  schema: Schema;
  value: Json | undefined;
  isRequired: boolean;
  /** A text with `{{...}}` may stand for a value of any type. */
  allowsTemplates?: boolean;
  /** How many objects and lists it lies in. */
  depth?: number;
  onChange: (value: Json | undefined) => void;
}

const APPLY_MS = 250;
const isTemplate = (value: Json | undefined): boolean => typeof value === "string" && value.includes("{{");

function typeOf(schema: Schema): string {
  const types = Array.isArray(schema.type) ? schema.type.filter((type) => type !== "null") : [schema.type];
  return types.length === 1 ? (types[0] ?? "") : types.includes("string") ? "string" : "";
}

export function SchemaField(props: SchemaFieldProps) {
  const { name, schema, isRequired, value } = props;
  const label = `${schema.title ?? name}${isRequired ? " *" : ""}`;
  const hint = schema.description?.split(/(?<=\.)\s/)[0];
  const parts = partsOf(schema, value, props.depth ?? 0);
  const [isJson, setJson] = useState(false);
  if (parts !== undefined && !isTemplate(value)) {
    const Parts = PARTS[parts];
    return (
      <fieldset class="parts">
        <legend>
          {label}{" "}
          <Button kind="quiet" pressed={isJson} onClick={() => setJson(!isJson)}>
            JSON
          </Button>
        </legend>
        {hint && <p class="faint hint">{hint}</p>}
        {isJson ? <Field label={`${label} JSON`}>{(id) => <TextInput id={id} {...props} />}</Field> : <Parts {...props} />}
      </fieldset>
    );
  }
  return (
    <Field label={label} hint={hint}>
      {(id) =>
        schema.enum && !isTemplate(value) ? <Choice id={id} {...props} /> : typeOf(schema) === "boolean" && !isTemplate(value) ? <Switch id={id} {...props} /> : <TextInput id={id} {...props} />
      }
    </Field>
  );
}

const MOST_DEEP = 3; // beyond, JSON is easier to see through
const MOST_ITEMS = 50;

/** As what the parts of a value are shown; undefined if it has none, or too many. */
function partsOf(schema: Schema, value: Json | undefined, depth: number): keyof typeof PARTS | undefined {
  const type = typeOf(schema) || (schema.properties ? "object" : "");
  if (depth >= MOST_DEEP || schema.enum) return undefined;
  const isObject = value === undefined || (value !== null && typeof value === "object" && !Array.isArray(value));
  if (type === "object" && isObject) return schema.properties && Object.keys(schema.properties).length > 0 ? "fields" : "members";
  const isList = value === undefined || (Array.isArray(value) && value.length <= MOST_ITEMS);
  return type === "array" && isList && schema.items?.type !== undefined ? "items" : undefined;
}

/** The fields that a schema names. */
function Fields({ schema, value, depth = 0, allowsTemplates, onChange }: SchemaFieldProps) {
  const change = (next: Record<string, Json>) => onChange(Object.keys(next).length > 0 ? next : undefined);
  return <SchemaForm schema={schema} value={objectOf(value)} depth={depth + 1} allowsTemplates={allowsTemplates} onChange={change} />;
}

/** Members whose names somebody chooses: headers, variables. */
function Members({ schema, value, depth = 0, allowsTemplates, onChange }: SchemaFieldProps) {
  const [name, setName] = useState("");
  const members = objectOf(value);
  const own = name.trim();
  const inner = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
  return (
    <>
      {Object.entries(members).map(([key, each]) => (
        <div key={key} class="part">
          <SchemaField
            name={key}
            schema={inner}
            value={each}
            isRequired
            depth={depth + 1}
            allowsTemplates={allowsTemplates}
            onChange={(next) => onChange({ ...members, [key]: next ?? "" })}
          />
          <Button
            kind="quiet"
            label={t("remove_part", { name: key })}
            onClick={() => {
              const { [key]: _gone, ...rest } = members;
              onChange(rest);
            }}
          >
            ✕
          </Button>
        </div>
      ))}
      <div class="inline">
        <input type="text" aria-label={t("part_name")} placeholder={t("part_name")} value={name} spellcheck={false} onInput={(event) => setName(event.currentTarget.value)} />
        <Button
          disabled={own === "" || own in members}
          onClick={() => {
            onChange({ ...members, [own]: "" });
            setName("");
          }}
        >
          {t("add_part")}
        </Button>
      </div>
    </>
  );
}

function Items({ schema, value, depth = 0, allowsTemplates, onChange }: SchemaFieldProps) {
  const items = Array.isArray(value) ? value : [];
  return (
    <>
      {items.map((each, at) => (
        <div key={`${at} of ${items.length}`} class="part">
          <SchemaField
            name={String(at + 1)}
            schema={schema.items!}
            value={each}
            isRequired
            depth={depth + 1}
            allowsTemplates={allowsTemplates}
            onChange={(next) => onChange(items.map((other, index) => (index === at ? (next ?? null) : other)))}
          />
          <Button kind="quiet" label={t("remove_part", { name: String(at + 1) })} onClick={() => onChange(items.filter((_, index) => index !== at))}>
            ✕
          </Button>
        </div>
      ))}
      <Button onClick={() => onChange([...items, sampleOf(schema.items)])}>{t("add_part")}</Button>
    </>
  );
}

const PARTS = { fields: Fields, members: Members, items: Items };

function Choice({ id, schema, value, isRequired, onChange }: SchemaFieldProps & { id: string }) {
  const shown = value === undefined ? "" : JSON.stringify(value);
  return (
    <select id={id} value={shown} onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : parseJson(event.currentTarget.value))}>
      {(!isRequired || value === undefined) && <option value="" />}
      {schema.enum!.map((each) => (
        <option key={JSON.stringify(each)} value={JSON.stringify(each)}>
          {typeof each === "object" ? JSON.stringify(each) : String(each)}
        </option>
      ))}
    </select>
  );
}

function Switch({ id, value, onChange }: SchemaFieldProps & { id: string }) {
  return (
    <select id={id} value={value === undefined ? "" : String(value)} onChange={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value === "true")}>
      <option value="" />
      <option value="true">{t("yes")}</option>
      <option value="false">{t("no")}</option>
    </select>
  );
}

/** A text; of what is no text the JSON. It is told a moment after the last key or when the field is left, if it can be read. */
function TextInput({ id, schema, value, isRequired, allowsTemplates, onChange }: SchemaFieldProps & { id: string }) {
  const type = typeOf(schema);
  const isText = type === "string" || (allowsTemplates === true && isTemplate(value));
  const given = value === undefined ? "" : isText && typeof value === "string" ? value : typeof value === "string" ? value : JSON.stringify(value, null, type === "number" || type === "integer" ? 0 : 2);
  const [text, setText] = useState(given);
  const [isOwn, setOwn] = useState(false); // what was typed is on its way
  useEffect(() => {
    if (!isOwn) setText(given);
  }, [given]);
  const read = (typed: string): { value?: Json | undefined; problem?: string } => {
    if (typed === "" && !isRequired) return { value: undefined };
    if (type === "string" || (allowsTemplates === true && typed.includes("{{"))) return { value: typed };
    if (type === "number" || type === "integer") {
      const number = Number(typed);
      const isNumber = typed.trim() !== "" && Number.isFinite(number) && (type === "number" || Number.isInteger(number));
      return isNumber ? { value: readNumber(typed.trim()) } : { problem: t("not_number") };
    }
    try {
      return { value: parseJson(typed) };
    } catch {
      return type === "" ? { value: typed } : { problem: t("not_json_short") };
    }
  };
  const found = read(text);
  const latest = useRef({ found, value, onChange }); // another field may have changed the whole meanwhile
  latest.current = { found, value, onChange };
  const tell = () => {
    const now = latest.current;
    setOwn(false);
    if (now.found.problem === undefined && JSON.stringify(now.found.value) !== JSON.stringify(now.value)) now.onChange(now.found.value);
  };
  useEffect(() => {
    if (!isOwn) return;
    const timer = window.setTimeout(tell, APPLY_MS);
    return () => clearTimeout(timer);
  }, [text, isOwn]);
  const isLong = text.includes("\n") || text.length > 60 || ["object", "array"].includes(type);
  const shared = {
    id,
    value: text,
    spellcheck: false,
    autocomplete: "off",
    "aria-invalid": found.problem !== undefined,
    onInput: (event: Event) => {
      setOwn(true);
      setText((event.currentTarget as HTMLInputElement).value);
    },
    onBlur: () => isOwn && tell(),
  };
  return (
    <>
      {isLong ? <textarea {...shared} rows={Math.min(12, Math.max(2, text.split("\n").length))} /> : <input {...shared} type="text" />}
      {found.problem && <p class="row-error">{found.problem}</p>}
    </>
  );
}

interface FormProps {
  schema: Schema;
  value: Record<string, Json>;
  depth?: number;
  allowsTemplates?: boolean;
  onChange: (value: Record<string, Json>) => void;
}

/** A form of an object's schema, with what else stands in it. */
export function SchemaForm({ schema, value, depth, allowsTemplates, onChange }: FormProps) {
  const named = schema.properties ?? {};
  const others = Object.keys(value).filter((name) => !(name in named));
  return (
    <>
      {[...Object.entries(named), ...others.map((name): [string, Schema] => [name, {}])].map(([name, inner]) => (
        <SchemaField
          key={name}
          name={name}
          schema={inner}
          value={ownOf(value, name)}
          isRequired={schema.required?.includes(name) ?? false}
          depth={depth}
          allowsTemplates={allowsTemplates}
          onChange={(next) => {
            const { [name]: _before, ...rest } = value;
            onChange(next === undefined ? rest : { ...value, [name]: next });
          }}
        />
      ))}
    </>
  );
}
