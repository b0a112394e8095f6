// What code finds besides the language itself: `console`, `crypto`, and the `ctx` of its function. It is run once, when
// the component is built (main.c): its objects are in the memory that each call begins with.
(native) => {
  "use strict";

  class HttpError extends Error {
    constructor({ code, message, retriable }) {
      super(message);
      this.code = code;
      this.retriable = retriable === true;
    }
  }
  Object.defineProperty(HttpError.prototype, "name", { value: "HttpError", configurable: true, writable: true });

  /** A value as one line of the log shows it. */
  const show = (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
    if (typeof value !== "object" || value === null) return String(value);
    try {
      if (value instanceof Error) return value.stack ? `${value}\n${value.stack.trimEnd()}` : String(value);
      return JSON.stringify(value, showPart) ?? String(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  };
  const showPart = (_key, part) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Map || part instanceof Set) return [...part];
    return part;
  };

  const log = (...values) => native.log(values.map(show).join(" "));
  const console = { log, info: log, debug: log, warn: log, error: log };

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const crypto = {
    getRandomValues(target) {
      if (!ArrayBuffer.isView(target) || target.byteLength > 65536) {
        throw new TypeError("getRandomValues takes a typed array of at most 65536 bytes");
      }
      native.fillRandom(target.buffer, target.byteOffset, target.byteLength);
      return target;
    },
    randomUUID() {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    },
  };

  const OPTIONS = ["method", "headers", "body", "json", "body_base64", "timeout_ms", "follow_redirects", "as_base64"];

  const BODIES = ["body", "json", "body_base64"];
  const NOT_TEXT = "the body is not text in UTF-8, or in the charset that it names; ask for it with as_base64: true";

  /** One request. The answer is {status, ok, headers, body, json()}, whatever its status; with as_base64 the body is base64. */
  const send = (url, options = {}) => {
    if (typeof url !== "string") throw new TypeError("ctx.http(url, options) takes the URL as a string");
    for (const name of Object.keys(options)) {
      if (!OPTIONS.includes(name)) throw new TypeError(`ctx.http has no option ${name}: it has ${OPTIONS.join(", ")}`);
    }
    const bodies = BODIES.filter((name) => options[name] !== undefined);
    if (bodies.length > 1) {
      const message = `a request has one body, and not both ${bodies.join(" and ")}`;
      throw new HttpError({ code: "INVALID_REQUEST", message });
    }
    const { json, ...given } = options;
    const request = { method: bodies.length === 0 ? "GET" : "POST", ...given, url };
    if (json !== undefined) {
      request.body = JSON.stringify(json);
      const says = (name) => name.toLowerCase() === "content-type";
      const type = Object.keys(given.headers ?? {}).some(says) ? {} : { "content-type": "application/json" };
      request.headers = { ...type, ...given.headers };
    }
    const reply = native.send(JSON.stringify(request));
    if (!reply.ok) throw new HttpError(reply.error);
    const { status, headers, body, body_base64 } = reply.value;
    const answer = { status, ok: status >= 200 && status < 300, headers, body: body ?? body_base64 };
    if (body === undefined && given.as_base64 !== true) {
      const refuse = () => {
        throw new HttpError({ code: "INVALID_RESPONSE_BODY", message: NOT_TEXT });
      };
      Object.defineProperty(answer, "body", { get: refuse, enumerable: true });
    }
    if (body === undefined) Object.defineProperty(answer, "body_base64", { value: body_base64 });
    Object.defineProperty(answer, "json", { value: () => JSON.parse(answer.body) });
    return answer;
  };
  const http = async (url, options) => send(url, options);

  for (const [name, value] of Object.entries({ console, crypto })) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return async (main, input) => await main(input, { http });
}
