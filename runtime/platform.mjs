// Translates a plan into Miniflare's options: each Worker's modules, bindings and addresses. Python files are not among
// the modules: they are packed into one file per Worker, which is read when Python starts (python_boot.mjs).
import { assetsOf } from "./asset_rules.mjs";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const HERE = import.meta.dirname;

/** A digest of bytes or of a JSON value. */
export const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const contentKey = (content) => digestOf(JSON.stringify(content));

/** The folders of the packed Python files and of workerd's configuration. */
export const filesFolder = (plan) => path.join(path.dirname(plan.state), "runtime/python");
export const configFolder = (plan) => path.join(path.dirname(plan.state), "runtime/config");

/** {options, filesKeys}: Miniflare's options, and the names of the packed files that they use. */
export function buildOptions(plan) {
  mkdirSync(filesFolder(plan), { recursive: true });
  const uploads = plan.workers.map((worker) => uploadOf(worker, filesFolder(plan)));
  const runtime = runtimeOf(plan, importsOf(uploads)); // of all Workers, so that they share one base snapshot
  return {
    filesKeys: uploads.map(({ filesKey }) => filesKey),
    options: {
      host: plan.host,
      logRequests: false,
      cf: false, // true would ask a Cloudflare host for a sample of `request.cf`
      telemetry: { enabled: false },
      resourcePersistencePath: plan.state,
      unsafeLocalExplorer: true,
      unsafeTriggerHandlers: true, // events of mail: acr trigger email
      workers: plan.workers.map((worker, i) => workerOptions(plan, worker, uploads[i], runtime)),
    },
  };
}

function filesBelow(root) {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".pyc"))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();
}

/** Pack files for python_boot.mjs. The packed file's name is derived from its content. */
function packFiles(files, folder) {
  const content = packed(files);
  const key = digestOf(content);
  const target = path.join(folder, key);
  if (!existsSync(target) || !readFileSync(target).equals(content)) writeFileSync(target, content);
  return key;
}

/** The index's length in bytes as u32, the index [[path, bytes], ...] in JSON, then the contents. */
function packed(files) {
  const index = Buffer.from(JSON.stringify(files.map(([name, content]) => [name, content.length])));
  const indexBytes = Buffer.alloc(4);
  indexBytes.writeUInt32LE(index.length);
  return Buffer.concat([indexBytes, index, ...files.map(([, content]) => content)]);
}

const JS_MODULE_TYPES = { ".mjs": "ESModule", ".js": "ESModule", ".wasm": "CompiledWasm", ".txt": "Text" };

/** A Worker's upload: the modules that workerd loads, and the Python files, packed into `folder` for Pyodide. */
function uploadOf(worker, folder) {
  const names = filesBelow(worker.moduleRoot);
  const typeOf = (name) => JS_MODULE_TYPES[path.extname(name)];
  const vendoredNames = filesBelow(worker.pythonModules);
  const own = readFiles(worker.moduleRoot, names.filter((name) => !typeOf(name)), "");
  const vendored = readFiles(worker.pythonModules, vendoredNames, "python_modules/");
  return {
    modules: [
      ...names.filter(typeOf).map((name) => moduleAt(name, typeOf(name), path.join(worker.moduleRoot, name))),
      ...vendoredNames
        .filter((name) => name.startsWith("workers/") && name.endsWith(".js"))
        .map((name) => moduleAt(`python_modules/${name}`, "ESModule", path.join(worker.pythonModules, name))),
    ],
    filesKey: packFiles([...own, ...vendored], folder),
    vendoredKey: digestOf(packed(vendored)),
    ...importsIn(own),
  };
}

function readFiles(root, names, prefix) {
  return names.map((name) => [prefix + name, readFileSync(path.join(root, name))]);
}

function moduleAt(name, type, file) {
  const binary = type === "CompiledWasm" || type === "Data";
  return { type, path: `/${name}`, contents: readFileSync(file, binary ? undefined : "utf8") };
}

const HOST_MODULES = ["python_host.mjs", "assets.mjs", "python_boot.mjs", "snapshots.mjs", "files.mjs", "global_scope.mjs", "browser_shim.mjs"];
const BOOT_MODULES = ["python_boot.mjs", "snapshots.mjs", "global_scope.mjs"]; // a snapshot depends on these
const PUBLIC_NETWORK = { network: { allow: ["public"], tlsOptions: { trustBrowserCas: true } } };

/** The modules shared by all Workers: Pyodide and the runtime's. */
function runtimeOf(plan, imports) {
  const pyodide = (name) => path.join(plan.nodeModules, "pyodide", name);
  const clock = plan.productionClock ? "production_clock.mjs" : "clock.mjs";
  return {
    pyodideFolder: pyodide(""),
    pyodideInfo: JSON.parse(readFileSync(pyodide("pyodide-lock.json"), "utf8")).info,
    version: JSON.parse(readFileSync(pyodide("package.json"), "utf8")).version,
    bootSource: BOOT_MODULES.map((name) => readFileSync(path.join(HERE, name), "utf8")),
    imports,
    modules: [
      ...HOST_MODULES.map((name) => moduleAt(name, "ESModule", path.join(HERE, name))),
      moduleAt("clock.mjs", "ESModule", path.join(HERE, clock)),
      moduleAt("pyodide.mjs", "ESModule", pyodide("pyodide.mjs")),
      moduleAt("pyodide.asm.mjs", "ESModule", pyodide("pyodide.asm.mjs")),
      { type: "Text", path: "/internal_error.json", contents: JSON.stringify(plan.internalError) },
    ],
  };
}

function workerOptions(plan, worker, upload, runtime) {
  const { entry, pythonFlags: compatibilityFlags } = worker;
  const { filesKey, vendoredKey } = upload;
  const { version, bootSource, imports, pyodideInfo } = runtime;
  const baseSnapshotKey = contentKey({ version, compatibilityFlags, bootSource, vendoredKey, imports });
  const snapshotKey = contentKey({ baseSnapshotKey, entry, filesKey });
  const assets = worker.assets ? { assets: assetsOf(worker.assets.directory), assetsFolder: worker.assets.folder } : {};
  const hostData = { entry, compatibilityFlags, pyodideInfo, imports, filesKey, baseSnapshotKey, snapshotKey, ...assets };
  return {
    name: worker.name,
    modulesRoot: "/",
    modules: [
      { type: "ESModule", path: "/main.mjs", contents: mainModule(worker.classes) },
      ...runtime.modules,
      { type: "Text", path: "/worker.json", contents: JSON.stringify(hostData) },
      ...upload.modules,
    ],
    compatibilityDate: worker.compatibilityDate,
    compatibilityFlags: worker.compatibilityFlags,
    unsafeEvalBinding: "ARCRUN_UNSAFE_EVAL",
    serviceBindings: {
      ...worker.services,
      // Outgoing requests: never connects to an address of this machine or its networks, whatever name resolves to it.
      ...(worker.reachesLocal ? {} : { PUBLIC_NETWORK: PUBLIC_NETWORK }),
      ARCRUN_PYODIDE: { disk: { path: runtime.pyodideFolder } },
      ARCRUN_FILES: { disk: { path: filesFolder(plan) } },
      ...(worker.assets ? { ARCRUN_ASSETS: { disk: { path: worker.assets.directory } } } : {}),
      ARCRUN_SNAPSHOTS: { disk: { path: plan.snapshots, writable: true } },
    },
    unsafeDirectSockets: [{ host: plan.host, port: worker.port }],
    bindings: worker.vars,
    kvNamespaces: worker.kvNamespaces,
    r2Buckets: worker.r2Buckets,
    durableObjects: worker.durableObjects,
    workflows: worker.workflows,
    workerLoaders: worker.workerLoaders,
    ratelimits: worker.ratelimits,
  };
}

/** The modules that Python files import at top level, and the modules and packages that the files themselves are. */
function importsIn(files) {
  const sources = files.filter(([name]) => name.endsWith(".py"));
  const found = sources.flatMap(([, content]) => [...content.toString("utf8").matchAll(/^(?:import|from) ([\w.]+)/gm)]);
  return {
    imported: new Set(found.map(([, name]) => name)),
    ownModules: new Set(sources.map(([name]) => name.replace(/[./].*/, ""))),
  };
}

/** The modules that the Workers import and do not contain. */
function importsOf(uploads) {
  const own = new Set(uploads.flatMap(({ ownModules }) => [...ownModules]));
  const names = new Set(uploads.flatMap(({ imported }) => [...imported]));
  return [...names].filter((name) => !own.has(name.replace(/\..*/, ""))).sort();
}


/** The main module. It must export the classes before Python starts, so the plan names them. */
function mainModule(classes) {
  const exports = classes.map(({ name, kind, methods }) => {
    const made = `${kind}(${JSON.stringify(name)}, ${JSON.stringify(methods)})`;
    return name === "Default" ? `export default ${made};` : `export const ${name} = ${made};`;
  });
  return ['import { durableObject, entrypoint, workflow } from "./python_host.mjs";', ...exports, ""].join("\n");
}
