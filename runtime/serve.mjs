// The local runtime's Node process: one workerd, through Miniflare, that serves every Worker of a plan.
//
//   node serve.mjs PLAN.json
//
// PLAN.json is written by `acr dev` (cli/acr/runtime_plan.py has its shape). On stdout this process says one JSON
// object a line: {event: "ready", service, url}, {event: "reloaded"}, {event: "failed", message}. A line on stdin
// (re)loads the plan; the end of stdin stops everything, so nothing outlives the process that started it.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import path from "node:path";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { startGuard } from "./explorer_guard.mjs";

const HERE = import.meta.dirname;
const [planPath] = process.argv.slice(2);
process.stderr.on("error", () => {}); // a log that nobody takes, or that a full disk refuses, stops nothing
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** A log that keeps to stderr: stdout belongs to the events. */
class StderrLog extends Log {
  log(message) {
    process.stderr.write(`${message}\n`);
  }
}

function filesBelow(root) {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".pyc"))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .sort();
}

/** Files as Pyodide's file system gets them: {path: {text} | {base64}}. */
function packFiles(root, names, prefix) {
  return Object.fromEntries(
    names.map((name) => {
      const bytes = readFileSync(path.join(root, name));
      const text = bytes.toString("utf8");
      return [prefix + name, Buffer.from(text, "utf8").equals(bytes) ? { text } : { base64: bytes.toString("base64") }];
    }),
  );
}

const JS_MODULE_TYPES = { ".mjs": "ESModule", ".js": "ESModule", ".wasm": "CompiledWasm", ".txt": "Text" };

/** The Worker's own upload: modules that workerd loads, and the Python files that Pyodide's file system gets. */
function uploadOf(worker) {
  const names = filesBelow(worker.moduleRoot);
  const typeOf = (name) => JS_MODULE_TYPES[path.extname(name)];
  const vendored = filesBelow(worker.pythonModules);
  return {
    modules: [
      ...names.filter(typeOf).map((name) => moduleAt(name, typeOf(name), path.join(worker.moduleRoot, name))),
      ...vendored
        .filter((name) => name.startsWith("workers/") && name.endsWith(".js"))
        .map((name) => moduleAt(`python_modules/${name}`, "ESModule", path.join(worker.pythonModules, name))),
    ],
    files: packFiles(worker.moduleRoot, names.filter((name) => !typeOf(name)), ""),
    vendored: packFiles(worker.pythonModules, vendored, "python_modules/"),
  };
}

function moduleAt(name, type, file) {
  const binary = type === "CompiledWasm" || type === "Data";
  return { type, path: `/${name}`, contents: readFileSync(file, binary ? undefined : "utf8") };
}

const HOST_MODULES = ["python_host.mjs", "python_boot.mjs", "global_scope.mjs", "browser_shim.mjs"];
const PUBLIC_NETWORK = { network: { allow: ["public"], tlsOptions: { trustBrowserCas: true } } };

function workerOptions(plan, worker, upload, imports) {
  const pyodide = (name) => path.join(plan.nodeModules, "pyodide", name);
  const pyodideInfo = JSON.parse(readFileSync(pyodide("pyodide-lock.json"), "utf8")).info;
  const { version } = JSON.parse(readFileSync(pyodide("package.json"), "utf8"));
  const { entry, pythonFlags: compatibilityFlags } = worker;
  const { files, vendored } = upload;
  const bootSource = ["python_boot.mjs", "global_scope.mjs"].map((name) => readFileSync(path.join(HERE, name), "utf8"));
  const baseSnapshotKey = contentKey({ version, compatibilityFlags, bootSource, vendored, imports });
  const hostData = {
    entry,
    compatibilityFlags,
    pyodideInfo,
    imports,
    files: { ...files, ...vendored },
    baseSnapshotKey,
    snapshotKey: contentKey({ baseSnapshotKey, entry, files }),
  };
  return {
    name: worker.name,
    modulesRoot: "/",
    modules: [
      { type: "ESModule", path: "/main.mjs", contents: mainModule(worker.classes) },
      ...HOST_MODULES.map((name) => moduleAt(name, "ESModule", path.join(HERE, name))),
      moduleAt("clock.mjs", "ESModule", path.join(HERE, plan.productionClock ? "production_clock.mjs" : "clock.mjs")),
      moduleAt("pyodide.mjs", "ESModule", pyodide("pyodide.mjs")),
      moduleAt("pyodide.asm.mjs", "ESModule", pyodide("pyodide.asm.mjs")),
      { type: "Text", path: "/internal_error.json", contents: JSON.stringify(plan.internalError) },
      { type: "Text", path: "/worker.json", contents: JSON.stringify(hostData) },
      ...upload.modules,
    ],
    compatibilityDate: worker.compatibilityDate,
    compatibilityFlags: worker.compatibilityFlags,
    unsafeEvalBinding: "ARCRUN_UNSAFE_EVAL",
    serviceBindings: {
      ...worker.services,
      // Requests to the outside: it connects to no address of this machine or its networks, whatever name leads there.
      ...(worker.reachesLocal ? {} : { PUBLIC_NETWORK: PUBLIC_NETWORK }),
      ARCRUN_PYODIDE: { disk: { path: pyodide("") } },
      ARCRUN_SNAPSHOTS: { disk: { path: plan.snapshots, writable: true } },
    },
    unsafeDirectSockets: [{ host: plan.host, port: worker.port }],
    bindings: worker.vars,
    kvNamespaces: worker.kvNamespaces,
    r2Buckets: worker.r2Buckets,
    durableObjects: worker.durableObjects,
    workerLoaders: worker.workerLoaders,
    ratelimits: worker.ratelimits,
  };
}

/** The modules that the Workers' sources import at their top level and do not bring themselves. */
function importsOf(uploads) {
  const sources = uploads.flatMap(({ files }) => Object.entries(files)).filter(([name]) => name.endsWith(".py"));
  const own = new Set(sources.map(([name]) => name.replace(/[./].*/, "")));
  const importsIn = (text) => [...text.matchAll(/^(?:import|from) ([\w.]+)/gm)].map(([, name]) => name);
  const names = sources.flatMap(([, { text }]) => importsIn(text));
  return [...new Set(names)].filter((name) => !own.has(name.replace(/\..*/, ""))).sort();
}

const contentKey = (content) => createHash("sha256").update(JSON.stringify(content)).digest("hex");

/** The classes must be exports of the main module, before Python has started: the plan names them. */
function mainModule(classes) {
  const exports = classes.map(({ name, kind, methods }) => {
    const made = `${kind}(${JSON.stringify(name)}, ${JSON.stringify(methods)})`;
    return name === "Default" ? `export default ${made};` : `export const ${name} = ${made};`;
  });
  return ['import { durableObject, entrypoint } from "./python_host.mjs";', ...exports, ""].join("\n");
}

function options() {
  const plan = JSON.parse(readFileSync(planPath, "utf8"));
  const uploads = plan.workers.map(uploadOf);
  const imports = importsOf(uploads); // of all Workers, so that they share one base snapshot
  return {
    plan,
    miniflare: convertV4MiniflareOptions({
      host: plan.host,
      port: plan.explorerPort,
      log: new StderrLog(plan.verbose ? LogLevel.INFO : LogLevel.ERROR),
      logRequests: false,
      handleStructuredLogs: ({ level, message }) => process.stderr.write(`${level}: ${message}\n`),
      cf: false, // true would ask a Cloudflare host for a sample of `request.cf`
      telemetry: { enabled: false },
      resourcePersistencePath: plan.state,
      unsafeLocalExplorer: true,
      workers: plan.workers.map((worker, i) => workerOptions(plan, worker, uploads[i], imports)),
    }),
  };
}

async function announce(plan) {
  for (const worker of plan.workers) {
    const url = `http://${plan.host}:${worker.port}`;
    const answer = await fetch(`${url}/health`);
    if (!answer.ok) throw new Error(`${worker.service} answered ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
    say({ event: "ready", service: worker.service, url });
  }
  say({ event: "ready", service: "cloudflare-api", url: `http://${plan.host}:${plan.apiPort}` });
}

let miniflare;
let announced = false; // whether every Worker has answered once

/** Start the plan, or change over to what it has become. */
async function load() {
  const { plan, miniflare: wanted } = options();
  if (miniflare) {
    await miniflare.setOptions(wanted);
    say({ event: "reloaded" });
    return;
  }
  miniflare = new Miniflare(wanted);
  await miniflare.ready;
  await startGuard({ host: plan.host, port: plan.apiPort, secret: plan.apiSecret, target: plan.explorerPort });
  await announce(plan);
  announced = true;
}

async function stop(code) {
  await miniflare?.dispose().catch(() => {});
  process.exit(code);
}

process.on("SIGTERM", () => stop(0));
process.on("SIGINT", () => stop(0));
let loading = Promise.resolve();
createInterface({ input: process.stdin })
  .on("line", () => {
    loading = loading.then(load).catch(async (error) => {
      say({ event: "failed", message: String(error.stack ?? error) });
      if (!announced) await stop(1); // a later failure leaves what ran before
    });
  })
  .on("close", () => stop(0));
