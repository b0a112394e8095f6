// Refuses what Cloudflare refuses while a Worker's modules are imported, with the same message and in the same way: some
// functions throw, others return a rejected promise. tests/workerd/test_global_scope.py compares this with the global
// scope of a JavaScript Worker on workerd.
import * as cloudflareSockets from "cloudflare:sockets";

const MESSAGE =
  "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and " +
  "generating random values are not allowed within global scope. To fix this error, perform this operation within a " +
  "handler. https://developers.cloudflare.com/workers/runtime-apis/handlers/";

const BODY = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"];
const STREAMS = ["CompressionStream", "DecompressionStream", "FixedLengthStream", "IdentityTransformStream"];
const NEEDS_NO_REQUEST = ["idFromName", "idFromString", "newUniqueId"]; // of a Durable Object namespace

/** The refused globals: [object, names of its functions and classes, their replacement]. */
const REFUSED = [
  [globalThis, ["clearInterval", "clearTimeout", "setImmediate", "setInterval", "setTimeout"], refuse],
  [globalThis, ["EventSource", "WebSocket", "WebSocketPair", ...STREAMS], refuse],
  [globalThis, ["fetch"], refuseLater],
  [crypto, ["getRandomValues"], refuseRandomness],
  [crypto, ["randomUUID"], refuse],
  [crypto.subtle, ["generateKey"], refuseLater],
  [scheduler, ["wait"], refuseLater],
  [AbortSignal, ["timeout"], refuse],
  [caches.default, ["delete", "match", "put"], refuseLater],
  [Request.prototype, BODY, refuse],
  [Response.prototype, BODY, refuse],
];

/**
 * Call `importModules` as if the Worker were being deployed. `sdk` holds the modules that the Worker's SDK imports; its
 * bindings refuse too.
 */
export function inGlobalScope(importModules, sdk) {
  const module = sdk.cloudflareWorkersModule;
  const undo = [
    ...REFUSED.flatMap(([object, names, standIn]) => names.map((name) => replace(object, name, standIn))),
    replace(module, "waitUntil", refuse),
    replace(sdk, "cloudflareSocketsModule", { ...cloudflareSockets, connect: refuse }),
    ...Object.entries(module.env).map(([name, value]) => replace(module.env, name, refusing(value))),
  ];
  try {
    return importModules();
  } finally {
    for (const restore of undo) restore();
  }
}

function refuse() {
  throw new Error(MESSAGE);
}

/** Python's randomness comes here too. Emscripten turns an error of this name into an errno (29: EIO); others are fatal. */
function refuseRandomness() {
  throw Object.assign(new Error(MESSAGE), { name: "ErrnoError", errno: 29 });
}

function refuseLater() {
  const refused = Promise.reject(new Error(MESSAGE));
  refused.catch(() => {}); // no unhandled rejection if nobody awaits it
  return refused;
}

function replace(object, name, value) {
  const own = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, enumerable: own?.enumerable ?? false, writable: true });
  return () => (own ? Object.defineProperty(object, name, own) : delete object[name]);
}

/** A proxy of a binding whose functions refuse; a variable unchanged. */
function refusing(binding) {
  if (typeof binding !== "object" || binding === null) return binding;
  return new Proxy(binding, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return NEEDS_NO_REQUEST.includes(name) ? value.bind(target) : refuse;
    },
  });
}
