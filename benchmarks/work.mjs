// Measures pieces of a run's work in the Workers' Python: Pyodide, in Node, without the rest of the platform.
//   node work.mjs PYODIDE_FOLDER PACKAGES_FOLDER... -> JSON lines {name, unit, us}
// Each PACKAGES_FOLDER is added to Python's path. The pieces are in work_in_pyodide.py, next to this file.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [pyodideFolder, ...folders] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(pyodideFolder, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: pyodideFolder, stdout: (line) => console.log(line) });
for (const [i, folder] of folders.entries()) {
  const mounted = `/packages/${i}`;
  python.FS.mkdirTree(mounted);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const name = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || !entry.name.endsWith(".py")) continue;
    const target = `${mounted}/${path.relative(folder, name)}`;
    python.FS.mkdirTree(path.dirname(target));
    python.FS.writeFile(target, readFileSync(name));
  }
  python.runPython(`import sys; sys.path.append("${mounted}")`);
}
await python.runPythonAsync(readFileSync(path.join(import.meta.dirname, "work_in_pyodide.py"), "utf8"));
