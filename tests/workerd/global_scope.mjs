// Tries operations in the global scope of a JavaScript Worker on workerd, and in a request on the local runtime.
//   node global_scope.mjs RUNTIME_FOLDER  ->  JSON {native: {name: outcome}, local: {name: outcome}, request: {name: outcome}}
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const MAIN = `
import { inGlobalScope } from "./global_scope.mjs";
import * as cloudflareWorkers from "cloudflare:workers";
import * as cloudflareSockets from "cloudflare:sockets";

const sdk = { cloudflareWorkersModule: { ...cloudflareWorkers, env: {} }, cloudflareSocketsModule: cloudflareSockets };
const TRIES = {
  "Math.random": () => Math.random(),
  "Date.now": () => Date.now(),
  getRandomValues: () => crypto.getRandomValues(new Uint8Array(1)),
  randomUUID: () => crypto.randomUUID(),
  digest: () => crypto.subtle.digest("SHA-256", new Uint8Array(1)),
  generateKey: () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]),
  importKey: () => crypto.subtle.importKey("raw", new Uint8Array(32), "AES-GCM", true, ["encrypt"]),
  setTimeout: () => setTimeout(() => {}, 0),
  setInterval: () => clearInterval(setInterval(() => {}, 1)),
  setImmediate: () => setImmediate(() => {}),
  clearTimeout: () => clearTimeout(1),
  clearInterval: () => clearInterval(1),
  queueMicrotask: () => queueMicrotask(() => {}),
  "scheduler.wait": () => scheduler.wait(1),
  "AbortSignal.timeout": () => AbortSignal.timeout(1),
  AbortController: () => new AbortController().abort(),
  MessageChannel: () => new MessageChannel().port2.postMessage(0),
  fetch: () => fetch("data:,x"),
  connect: () => sdk.cloudflareSocketsModule.connect("127.0.0.1:1").close(),
  WebSocket: () => new WebSocket("ws://127.0.0.1:1"),
  WebSocketPair: () => new WebSocketPair(),
  EventSource: () => new EventSource("http://127.0.0.1:1/").close(),
  "caches.default": () => caches.default.match("http://x/"),
  "caches.open": () => caches.open("x"),
  waitUntil: () => sdk.cloudflareWorkersModule.waitUntil(Promise.resolve()),
  TransformStream: () => new TransformStream(),
  IdentityTransformStream: () => new IdentityTransformStream(),
  FixedLengthStream: () => new FixedLengthStream(0),
  CompressionStream: () => new CompressionStream("gzip"),
  DecompressionStream: () => new DecompressionStream("gzip"),
  Blob: () => new Blob(["x"]).text(),
  FormData: () => new FormData(),
  structuredClone: () => structuredClone({}),
};
for (const read of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]) {
  TRIES["Response." + read] = () => new Response("1").clone()[read]();
  TRIES["Request." + read] = () => new Request("http://x", { method: "POST", body: "1" })[read]();
}

/** {name: promise of its outcome} */
function tryAll() {
  return Object.entries(TRIES).map(([name, operation]) => {
    try {
      const result = operation();
      const settled = Promise.resolve(result).then(() => "allowed", (error) => "rejected: " + error.message.slice(0, 50));
      return [name, result instanceof Promise ? settled : "allowed"];
    } catch (error) {
      return [name, "threw: " + error.message.slice(0, 50)];
    }
  });
}

const settle = async (tries) => Object.fromEntries(await Promise.all(tries.map(async ([name, it]) => [name, await it])));
const native = settle(tryAll());
export default {
  async fetch() {
    return Response.json({
      native: await native,
      local: await settle(inGlobalScope(tryAll, sdk)),
      request: await settle(tryAll()),
    });
  },
};
`;

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    modulesRoot: "/",
    modules: [
      { type: "ESModule", path: "/main.mjs", contents: MAIN },
      { type: "ESModule", path: "/global_scope.mjs", contents: readFileSync(`${process.argv[2]}/global_scope.mjs`, "utf8") },
    ],
    compatibilityDate: "2026-11-01",
    cf: false,
    telemetry: { enabled: false },
  }),
);
const answer = await miniflare.dispatchFetch("http://localhost/");
process.stdout.write(await answer.text());
await miniflare.dispose();
