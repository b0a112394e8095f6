// Builds the console: everything below src/ into dist/, which is the folder of the executor's assets.
//
//   node console/build.mjs [OUT]
//
// dist/_headers            the headers of all files, as Cloudflare's assets and the local runtime read them
// dist/console/index.html  the page, which names the others
// dist/console/*.json      templates and contracts
// dist/console/assets/*    code and styles, cached forever; the editor is a file of its own, loaded when it is opened
import { build } from "esbuild";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readContracts, readTemplates } from "./catalog.mjs";

const HERE = import.meta.dirname;
const OUT = path.resolve(process.argv[2] ?? path.join(HERE, "dist"));
const FOLDER = path.join(OUT, "console");

rmSync(OUT, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

const { metafile } = await build({
  entryPoints: [path.join(HERE, "src/main.tsx"), path.join(HERE, "src/console.css")],
  outdir: FOLDER,
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  charset: "utf8",
  legalComments: "linked",
  absWorkingDir: HERE,
  metafile: true,
  logLevel: "warning",
});

const outputs = Object.keys(metafile.outputs).map((name) => path.relative(FOLDER, path.resolve(HERE, name)).replaceAll(path.sep, "/"));
const named = (pattern) => outputs.find((name) => pattern.test(name));
const page = readFileSync(path.join(HERE, "src/index.html"), "utf8")
  .replace("{{style}}", named(/\/console-\w+\.css$/))
  .replace("{{script}}", named(/\/main-\w+\.js$/));
writeFileSync(path.join(FOLDER, "index.html"), page);
writeFileSync(path.join(FOLDER, "templates.json"), JSON.stringify(readTemplates()));
writeFileSync(path.join(FOLDER, "components.json"), JSON.stringify(readContracts()));
writeFileSync(path.join(OUT, "_headers"), readFileSync(path.join(HERE, "src/_headers")));
