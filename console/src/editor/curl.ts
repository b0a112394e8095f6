/** A line for a terminal that calls a workflow's webhook, as its text wants to be called. */
import type { Json } from "../api/types";
import { jsonOf, pairOf, parseWorkflow, textOf } from "../graph/flow";
import { firstInputOf } from "./inputs";

/** In quotes of a shell, which leave everything as it is. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const webhookOf = (text: string): unknown => pairOf(pairOf(parseWorkflow(text).document.contents, "triggers")?.value, "webhook")?.value;

/** Undefined if its requests must be signed, which curl cannot do. */
export function curlOf(url: string, text: string): string | undefined {
  const webhook = webhookOf(text);
  const proof = proofOf(jsonOf(pairOf(webhook, "verify")?.value));
  if (proof === undefined) return undefined;
  const methods = jsonOf(pairOf(webhook, "methods")?.value);
  const method = Array.isArray(methods) && methods.length > 0 && !methods.includes("POST") ? String(methods[0]) : "POST";
  const input = firstInputOf(text);
  if (method === "GET" || method === "DELETE") return ["curl", ...(method === "GET" ? [] : [`-X ${method}`]), quote(url + queryOf(input)), ...proof].join(" ");
  return [`curl -X ${method}`, quote(url), ...proof, "-H 'content-type: application/json'", `-d ${quote(JSON.stringify(input))}`].join(" ");
}

/** What a request shows to be let in, with words for what is secret. */
function proofOf(verify: Json | undefined): string[] | undefined {
  if (verify === null || typeof verify !== "object" || Array.isArray(verify)) return [];
  if (verify["scheme"] === "basic") return ["-u 'USER:PASSWORD'"];
  if (verify["scheme"] === "header") return [`-H ${quote(`${String(verify["header"] ?? "HEADER")}: ${String(verify["prefix"] ?? "")}SECRET`)}`];
  if (verify["scheme"] === "telegram") return ["-H 'x-telegram-bot-api-secret-token: SECRET'"];
  return undefined;
}

function queryOf(input: Json): string {
  const fields = input !== null && typeof input === "object" && !Array.isArray(input) ? Object.entries(input) : [];
  const plain = fields.filter(([, value]) => value === null || typeof value !== "object");
  const query = new URLSearchParams(plain.map(([name, value]) => [name, String(value ?? "")])).toString();
  return query && `?${query}`;
}

/** Whose signature the webhook's requests must have; empty if anybody may call. */
export function signerOf(text: string): string {
  const webhook = webhookOf(text);
  return textOf(pairOf(pairOf(webhook, "verify")?.value, "scheme")?.value);
}
