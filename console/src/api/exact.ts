/**
 * JSON whose integers stay as they are written. JavaScript's numbers have 53 bits, and the platform's have no end: an id
 * of 19 digits would be shown as another one, and stored as that when somebody saves what is shown. Such an integer is
 * a BigInt here, which is written as the number again.
 */
import type { Json } from "./types";

interface SourceContext {
  source: string;
}

// Of ES2026, and in browsers since 2023 and 2025; an earlier one rounds, as it did.
const Exact = JSON as unknown as { rawJSON?: (text: string) => object; parse: (text: string, reviver: (key: string, value: unknown, context: SourceContext) => unknown) => unknown };
const LONG = /\d{16}/;
const INTEGER = /^-?\d+$/;

Object.defineProperty(BigInt.prototype, "toJSON", {
  configurable: true,
  value(this: bigint) {
    return Exact.rawJSON ? Exact.rawJSON(String(this)) : Number(this);
  },
});

/** The value of a number's text, which is one of JSON. */
export const readNumber = (text: string): number | bigint => (Number.isSafeInteger(Number(text)) || !INTEGER.test(text) ? Number(text) : BigInt(text));

/** Raises SyntaxError. */
export function parseJson(text: string): Json {
  if (!Exact.rawJSON || !LONG.test(text)) return JSON.parse(text) as Json;
  return Exact.parse(text, (_key, value, { source }) => (typeof value === "number" ? readNumber(source) : value)) as Json;
}
