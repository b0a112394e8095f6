// Boots Pyodide in a Worker's isolate, from memory snapshots.
//
// Only the boot may compile WebAssembly from bytes. It uses Miniflare's eval binding for that and removes it afterwards:
// requests fail as in production, with "Wasm code generation disallowed by embedder".
import "./browser_shim.mjs";
import * as cloudflareWorkers from "cloudflare:workers";
import * as cloudflareSockets from "cloudflare:sockets";
import createPyodideModule from "./pyodide.asm.mjs";
import { readFile } from "./files.mjs";
import { inGlobalScope } from "./global_scope.mjs";
import { loadPyodide } from "./pyodide.mjs";
import { MadeSnapshot, SnapshotFolder } from "./snapshots.mjs";
import workerJson from "./worker.json";

// Bindings of this runtime, hidden from the Worker.
const RUNTIME_BINDINGS = ["ARCRUN_UNSAFE_EVAL", "ARCRUN_SNAPSHOTS", "ARCRUN_PYODIDE", "ARCRUN_FILES", "ARCRUN_ASSETS"];
const WORKER_ROOT = "/session/metadata";

const worker = JSON.parse(workerJson); // written by platform.mjs

/**
 * Start Python from a memory snapshot taken after the import of the entry module, as a deploy does in production.
 *
 * Snapshots are stored by content. If there is none for this Worker's sources, it is made from a base snapshot, which
 * contains the sources' imports from the standard library and python_modules, and which is made first if necessary.
 * `onFatal` is called with the error that ends the interpreter.
 */
export async function boot(env, onFatal) {
  const snapshots = new SnapshotFolder(env.ARCRUN_SNAPSHOTS);
  const [wasm, stdlib, files] = await Promise.all([
    readFile(env.ARCRUN_PYODIDE, "pyodide.asm.wasm"),
    readFile(env.ARCRUN_PYODIDE, "python_stdlib.zip"),
    readFile(env.ARCRUN_FILES, worker.filesKey),
  ]);
  const restoreCompilation = allowCompilation(env.ARCRUN_UNSAFE_EVAL, wasm, stdlib);
  const bindings = workerBindings(env);
  const jsModules = sdkModules(bindings);
  const start = (snapshot, options) => startPyodide(jsModules, unpackFiles(files), snapshot, options);
  let pyodide;
  try {
    pyodide = await snapshots.startFrom(worker.snapshotKey, start);
    if (pyodide === undefined) {
      const made = await makeSnapshot(snapshots, start, jsModules);
      pyodide = await start(made);
      await snapshots.written();
      made.release();
    }
  } finally {
    restoreCompilation();
  }
  pyodide._api.on_fatal = onFatal;
  pyodide.runPython("import random; random.seed()"); // otherwise every start would repeat the snapshot's sequence
  return { entry: pyodide.pyimport(worker.entry), workers: pyodide.pyimport("workers"), bindings };
}

/** Pyodide copies a snapshot over its memory: it gets only the head, and the memory is filled before it is used. */
async function startPyodide(jsModules, files, snapshot, options = {}) {
  const pyodide = await loadPyodide({
    createPyodideModule: async (settings) => {
      const pyodideModule = await createPyodideModule(settings);
      await snapshot?.fill(pyodideModule);
      return pyodideModule;
    },
    indexURL: "http://runtime/",
    stdLibURL: "http://runtime/python_stdlib.zip",
    lockFileContents: { info: worker.pyodideInfo, packages: {} },
    env: { HOME: "/session" },
    _loadSnapshot: snapshot?.head,
    _snapshotDeserializer: (name) => jsModules[name],
    ...options,
  });
  writeFiles(pyodide.FS, files, WORKER_ROOT); // files are not part of a snapshot
  return pyodide;
}

async function makeSnapshot(snapshots, start, jsModules) {
  const options = { _makeSnapshot: true };
  let pyodide = await snapshots.startFrom(worker.baseSnapshotKey, (base) => start(base, options));
  if (pyodide === undefined) {
    pyodide = await start(undefined, options);
    for (const [name, module] of Object.entries(jsModules)) pyodide.registerJsModule(name, module);
    pyodide.runPython(importAll(worker.imports));
    snapshots.write(worker.baseSnapshotKey, takeSnapshot(pyodide, jsModules));
  }
  inGlobalScope(() => pyodide.runPython(importEntry(worker.entry)), jsModules._pyodide_entrypoint_helper);
  const made = takeSnapshot(pyodide, jsModules);
  snapshots.write(worker.snapshotKey, made);
  return made;
}

/**
 * A snapshot of the memory after garbage collection. JavaScript objects in it are stored by name, so only the SDK's may
 * be there.
 *
 * An interpreter cannot be used after making a snapshot: Pyodide wraps all JavaScript objects that it sees.
 */
function takeSnapshot(pyodide, jsModules) {
  const serializer = (object) => {
    const found = Object.entries(jsModules).find(([, module]) => module === object);
    if (found) return found[0];
    throw new Error(`A module keeps a JavaScript object at its top level, which a deploy refuses: ${object}`);
  };
  pyodide.runPython("import gc; gc.collect()");
  return new MadeSnapshot(pyodide.makeMemorySnapshot({ serializer }));
}

const importAll = (names) => `
def import_all(names):
    import importlib, sys

    sys.path += ["${WORKER_ROOT}/python_modules", "${WORKER_ROOT}"]  # behind the standard library, as in production
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # what Pyodide lacks is found out by the module that imports it, as in production

import_all(${JSON.stringify(names)})
del import_all
`;

// Production refuses randomness while modules are imported: every isolate that starts from the snapshot would share it.
// Functions imported by name from `random` refuse only until the import has ended.
const importEntry = (name) => `
def import_entry(name):
    import importlib, os, random
    from functools import wraps

    text = "Disallowed operation called within global scope: random values are for requests only."
    refuses = True

    def refusing(function):
        @wraps(function)
        def refuse(*args, **options):
            if refuses:
                raise RuntimeError(f"{text} {function.__qualname__}() belongs in a handler.")
            return function(*args, **options)
        return refuse

    def seed(self, a=None, version=2):
        if a is None:
            raise RuntimeError(f"{text} Random() belongs in a handler; with an explicit seed it is allowed here.")
        return own_seed(self, a, version)

    own_seed = random.Random.seed
    originals = [(random, key) for key, value in vars(random).items() if callable(value) and not isinstance(value, type)]
    originals = [(owner, key, getattr(owner, key)) for owner, key in [*originals, (os, "urandom")]]
    for owner, key, value in originals:
        setattr(owner, key, refusing(value))
    random.Random.seed = seed
    try:
        importlib.import_module(name)
    finally:
        refuses = False
        random.Random.seed = own_seed
        for owner, key, value in originals:
            setattr(owner, key, value)

import_entry(${JSON.stringify(name)})
del import_entry
`;

function workerBindings(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !RUNTIME_BINDINGS.includes(name)));
}

/** The JavaScript modules that the SDK imports. */
function sdkModules(bindings) {
  return {
    _pyodide_entrypoint_helper: {
      doAnImport: (name) => import(name),
      cloudflareWorkersModule: { ...cloudflareWorkers, env: bindings },
      cloudflareSocketsModule: cloudflareSockets,
      workerEntrypoint: null,
      patchWaitUntil,
    },
    _cloudflare_compat_flags: worker.compatibilityFlags,
  };
}

/** Unpack files packed by platform.mjs: the index's length in bytes as u32, the index [[path, bytes], ...], contents. */
function unpackFiles(packed) {
  const indexBytes = new DataView(packed.buffer).getUint32(0, true);
  let at = 4 + indexBytes;
  return JSON.parse(new TextDecoder().decode(packed.subarray(4, at))).map(([path, bytes]) => {
    at += bytes;
    return [path, packed.subarray(at - bytes, at)];
  });
}

function writeFiles(FS, files, root) {
  const made = new Set();
  for (const [path, content] of files) {
    const target = `${root}/${path}`;
    const folder = target.slice(0, target.lastIndexOf("/"));
    if (!made.has(folder)) FS.mkdirTree(folder);
    made.add(folder);
    FS.writeFile(target, content, { canOwn: true });
  }
}

/** Route compilation from bytes to `unsafeEval`, and Pyodide's downloads to already loaded data. Returns the undo. */
function allowCompilation(unsafeEval, pyodideBytes, stdlib) {
  const pyodideWasm = unsafeEval.newWasmModule(pyodideBytes);
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
    const isStdlib = String(url).endsWith("python_stdlib.zip");
    return new Response(isStdlib ? stdlib : null); // pyodide.asm.wasm is handled by instantiateStreaming above
  };
  return () => {
    Object.assign(WebAssembly, { Module, compile, instantiate, instantiateStreaming });
    globalThis.fetch = fetch;
  };
}

/** Let ctx.waitUntil accept a Python awaitable, and keep its proxy alive until it has settled. */
function patchWaitUntil(ctx) {
  if (typeof ctx?.waitUntil !== "function" || Object.hasOwn(ctx, "waitUntil")) return;
  const waitUntil = ctx.waitUntil.bind(ctx);
  ctx.waitUntil = (awaitable) => {
    const kept = typeof awaitable?.copy === "function" ? awaitable.copy() : awaitable;
    waitUntil(Promise.resolve(kept).finally(() => kept?.destroy?.()));
  };
}
