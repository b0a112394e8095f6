/** Inputs made from a JSON Schema: texts, numbers, choices, switches, and JSON for all else. */
import { useEffect, useRef, useState } from "preact/hooks";
import { parseJson, readNumber } from "../api/exact";
import type { Json, Schema } from "../api/types";
import { t } from "../texts";
import { Field } from "./pieces";
import { ownOf } from "./values";

interface SchemaFieldProps {
  name: string;
  schema: Schema;
  value: Json | undefined;
  isRequired: boolean;
  /** A text with `{{...}}` may stand for a value of any type. */
  allowsTemplates?: boolean;
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
  return (
    <Field label={label} hint={hint}>
      {(id) =>
        schema.enum && !isTemplate(value) ? <Choice id={id} {...props} /> : typeOf(schema) === "boolean" && !isTemplate(value) ? <Switch id={id} {...props} /> : <TextInput id={id} {...props} />
      }
    </Field>
  );
}

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

/** A form of an object's schema. */
export function SchemaForm({ schema, value, onChange }: { schema: Schema; value: Record<string, Json>; onChange: (value: Record<string, Json>) => void }) {
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([name, inner]) => (
        <SchemaField
          key={name}
          name={name}
          schema={inner}
          value={ownOf(value, name)}
          isRequired={schema.required?.includes(name) ?? false}
          onChange={(next) => {
            const { [name]: _before, ...rest } = value;
            onChange(next === undefined ? rest : { ...rest, [name]: next });
          }}
        />
      ))}
    </>
  );
}
