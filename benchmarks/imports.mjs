// Measures the import of a Worker's entry module in Pyodide, in Node, without the rest of the platform.
//   node imports.mjs PYODIDE_FOLDER UPLOAD_FOLDER... -> one JSON line each, see imports.py
// An upload is made by scripts/stage.py: build/ and python_modules/.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [pyodideFolder, upload] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(pyodideFolder, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: pyodideFolder, stdout: (line) => console.log(line) });
for (const folder of ["python_modules", "build"]) {
  for (const entry of readdirSync(path.join(upload, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(py|mjs|js|txt)$/.test(entry.name)) continue;
    const name = path.join(entry.parentPath, entry.name);
    const target = `/upload/${path.relative(upload, name)}`;
    python.FS.mkdirTree(path.dirname(target));
    python.FS.writeFile(target, readFileSync(name));
  }
}
class Entrypoint {}
python.registerJsModule("_pyodide_entrypoint_helper", {
  doAnImport: () => Promise.reject(new Error("No JavaScript is imported at a Worker's top level.")),
  cloudflareWorkersModule: { WorkerEntrypoint: Entrypoint, DurableObject: Entrypoint, WorkflowEntrypoint: Entrypoint, env: {} },
  cloudflareSocketsModule: {},
  workerEntrypoint: null,
  patchWaitUntil: () => {},
});
python.registerJsModule("_cloudflare_compat_flags", {
  python_workflows_implicit_dependencies: true,
  python_request_headers_preserve_commas: true,
});
python.runPython(`
def measure():
    import gc, importlib, json, sys, time
    from pathlib import Path

    sys.path += ["/upload/python_modules", "/upload/build"]
    before = set(sys.modules)
    started = time.perf_counter()
    importlib.import_module("entry")
    ms = (time.perf_counter() - started) * 1000
    modules = sorted(set(sys.modules) - before)
    files = [getattr(sys.modules[name], "__file__", None) or "" for name in modules]
    sources = [Path(file).stat().st_size for file in files if file.startswith("/upload/")]
    gc.collect()
    print(json.dumps({"import_ms": ms, "modules": modules, "source_bytes": sum(sources)}))

measure()
`);
console.log(JSON.stringify({ heap_bytes: python._module.HEAP8.length }));
