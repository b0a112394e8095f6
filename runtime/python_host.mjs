// The part of the local runtime that runs inside workerd: it boots Pyodide in this Worker's isolate and forwards
// every event to the Python classes of the Worker's entry module, as Cloudflare's native Python runtime does.
//
// Only the boot may compile WebAssembly from bytes. It borrows Miniflare's eval binding for that and gives it back:
// requests see what they see in production, "Wasm code generation disallowed by embedder".
import "./browser_shim.mjs";
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import * as cloudflareWorkers from "cloudflare:workers";
import * as cloudflareSockets from "cloudflare:sockets";
import createPyodideModule from "./pyodide.asm.mjs";
import pyodideWasm from "./pyodide.asm.wasm";
import { loadPyodide } from "./pyodide.mjs";
import pythonStdlib from "./python_stdlib.zip";
import workerJson from "./worker.json";

// Bindings that belong to this runtime. The Worker never sees them.
const RUNTIME_BINDINGS = ["ARCRUN_UNSAFE_EVAL", "ARCRUN_SNAPSHOTS"];
const WORKER_ROOT = "/session/metadata";

const worker = JSON.parse(workerJson); // written by serve.mjs
let python; // Promise of the Python modules {entry, workers}: one interpreter for each isolate

/** Make the class that workerd instantiates for the Python WorkerEntrypoint `className` with public `methods`. */
export function entrypoint(className, methods) {
  return forwardingClass(WorkerEntrypoint, className, methods);
}

/** The same for a Python DurableObject. */
export function durableObject(className, methods) {
  return forwardingClass(DurableObject, className, methods);
}

function forwardingClass(Base, className, methods) {
  const Forwarder = class extends Base {
    #instance;

    async call(method, args) {
      python ??= boot(this.env).catch((error) => {
        console.error(`Python could not start: ${error.stack ?? error}`);
        throw error;
      });
      const { entry, workers } = await python;
      this.#instance ??= entry[className](this.ctx, workerBindings(this.env));
      const pyMethod = this.#instance[method];
      if (method === "fetch") return responseOf(await pyMethod.callPromising(args[0]));
      return workers.python_to_rpc(await pyMethod.callPromising(...args.map((arg) => workers.python_from_rpc(arg))));
    }
  };
  const call = Forwarder.prototype.call;
  delete Forwarder.prototype.call; // not a public RPC method
  for (const method of methods) {
    Forwarder.prototype[method] = function (...args) {
      return call.apply(this, [method, args]);
    };
  }
  return Forwarder;
}

/** A handler may answer with a JavaScript Response or with the SDK's wrapper of one. */
function responseOf(answer) {
  return answer instanceof Response ? answer : answer.js_object;
}

function workerBindings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !RUNTIME_BINDINGS.includes(name)));
}

/** Start Python from the memory snapshot, which is made first where there is none yet, and import the entry module. */
async function boot(env) {
  const restoreCompilation = allowCompilation(env.ARCRUN_UNSAFE_EVAL);
  let pyodide;
  try {
    const snapshot = (await readSnapshot(env.ARCRUN_SNAPSHOTS)) ?? (await makeSnapshot(env.ARCRUN_SNAPSHOTS));
    pyodide = await startPyodide({ _loadSnapshot: snapshot });
  } finally {
    restoreCompilation();
  }
  writeFiles(pyodide.FS, worker.files, WORKER_ROOT);
  return importEntry(pyodide, env);
}

async function startPyodide(snapshotOptions) {
  const pyodide = await loadPyodide({
    createPyodideModule,
    indexURL: "http://runtime/",
    stdLibURL: "http://runtime/python_stdlib.zip",
    lockFileContents: { info: worker.pyodideInfo, packages: {} },
    env: { HOME: "/session" },
    ...snapshotOptions,
  });
  writeFiles(pyodide.FS, worker.pythonModules, `${WORKER_ROOT}/python_modules`); // files are not part of a snapshot
  return pyodide;
}

async function readSnapshot(snapshots) {
  const stored = await snapshots.fetch(`http://snapshots/${worker.snapshotKey}`);
  const content = await stored.arrayBuffer();
  return stored.status === 200 ? new Uint8Array(content) : undefined;
}

/** Import what the Worker's sources import from the standard library and python_modules, and keep the memory. */
async function makeSnapshot(snapshots) {
  // An interpreter that has made a snapshot is of no other use: Pyodide has left its JavaScript side unfinished.
  const pyodide = await startPyodide({ _makeSnapshot: true });
  pyodide.runPython(`
import importlib, json, sys
sys.path[:0] = ["${WORKER_ROOT}", "${WORKER_ROOT}/python_modules"]
for name in json.loads(${JSON.stringify(JSON.stringify(worker.snapshotImports))}):
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # what Pyodide lacks is found out by the code that imports it, as in production
del name
`);
  const memory = pyodide.makeMemorySnapshot();
  await snapshots.fetch(`http://snapshots/${worker.snapshotKey}`, { method: "PUT", body: memory });
  return memory;
}

function importEntry(pyodide, env) {
  pyodide.registerJsModule("_pyodide_entrypoint_helper", {
    doAnImport: (name) => import(name),
    cloudflareWorkersModule: { ...cloudflareWorkers, env: workerBindings(env) },
    cloudflareSocketsModule: cloudflareSockets,
    workerEntrypoint: null,
    patchWaitUntil,
  });
  pyodide.registerJsModule("_cloudflare_compat_flags", worker.compatibilityFlags);
  const restoreEntropy = refuseEntropy();
  try {
    return { entry: pyodide.pyimport(worker.entry), workers: pyodide.pyimport("workers") };
  } finally {
    restoreEntropy();
    pyodide.runPython("import random; random.seed()"); // a restored snapshot would repeat its sequence
  }
}

function writeFiles(FS, files, root) {
  for (const [path, { text, base64 }] of Object.entries(files)) {
    const target = `${root}/${path}`;
    FS.mkdirTree(target.slice(0, target.lastIndexOf("/")));
    FS.writeFile(target, text ?? Uint8Array.fromBase64(base64));
  }
}

/** Route compilation from bytes to `unsafeEval` and Pyodide's own downloads to bundled modules. Returns the undo. */
function allowCompilation(unsafeEval) {
  const { Module, compile, instantiate, instantiateStreaming } = WebAssembly;
  const { fetch } = globalThis;
  const moduleOf = (source) => (source instanceof Module ? source : unsafeEval.newWasmModule(source));
  function BootModule(source) {
    return moduleOf(source);
  }
  BootModule.prototype = Module.prototype;
  WebAssembly.Module = Object.assign(BootModule, {
    customSections: Module.customSections,
    exports: Module.exports,
    imports: Module.imports,
  });
  WebAssembly.compile = async (source) => moduleOf(source);
  WebAssembly.instantiate = async (source, imports) => {
    const module = moduleOf(source);
    const instance = new WebAssembly.Instance(module, imports);
    return source instanceof Module ? instance : { module, instance };
  };
  WebAssembly.instantiateStreaming = async (_response, imports) => ({
    module: pyodideWasm,
    instance: new WebAssembly.Instance(pyodideWasm, imports),
  });
  globalThis.fetch = async (url) => {
    if (String(url).endsWith("python_stdlib.zip")) return new Response(pythonStdlib);
    return new Response(null); // pyodide.asm.wasm: the bundled module above answers for it
  };
  return () => {
    Object.assign(WebAssembly, { Module, compile, instantiate, instantiateStreaming });
    globalThis.fetch = fetch;
  };
}

/** Production refuses randomness while modules are imported, since all isolates would share it. Returns the undo. */
function refuseEntropy() {
  crypto.getRandomValues = () => {
    throw new Error("Disallowed operation called within global scope: random values are for requests only");
  };
  return () => delete crypto.getRandomValues;
}

/** Let ctx.waitUntil take a Python awaitable, and keep its proxy alive until it has settled. */
function patchWaitUntil(ctx) {
  if (typeof ctx?.waitUntil !== "function" || Object.hasOwn(ctx, "waitUntil")) return;
  const waitUntil = ctx.waitUntil.bind(ctx);
  ctx.waitUntil = (awaitable) => {
    const kept = typeof awaitable?.copy === "function" ? awaitable.copy() : awaitable;
    waitUntil(Promise.resolve(kept).finally(() => kept?.destroy?.()));
  };
}
