// Builds the console: everything below src/ into dist/, which is the folder of the executor's assets.
//
//   node console/build.mjs [OUT]
//
// dist/_headers            the headers of all files, as Cloudflare's assets and the local runtime read them
// dist/console/index.html  the page, which names the others
// dist/console/*-HASH.*    code and styles, cached forever; the editor is a file of its own, loaded when it is opened
import { build } from "esbuild";
import { createHash } from "node:crypto";
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
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  charset: "utf8",
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

const outputs = Object.keys(metafile.outputs).map((name) => path.basename(name));
const named = (pattern) => outputs.find((name) => pattern.test(name));
const page = readFileSync(path.join(HERE, "src/index.html"), "utf8")
  .replace("{{style}}", named(/^console-\w+\.css$/))
  .replace("{{script}}", named(/^main-\w+\.js$/));
writeFileSync(path.join(FOLDER, "index.html"), page);
writeFileSync(path.join(FOLDER, "templates.json"), JSON.stringify(readTemplates()));
writeFileSync(path.join(FOLDER, "components.json"), JSON.stringify(readContracts()));
writeFileSync(path.join(OUT, "_headers"), readFileSync(path.join(HERE, "src/_headers")));
writeFileSync(path.join(OUT, "digest.txt"), digestOf(FOLDER, outputs));

/** Of what was built, so that two builds of the same sources can be told to be the same. */
function digestOf(folder, names) {
  const digest = createHash("sha256");
  for (const name of [...names].sort()) digest.update(name).update(readFileSync(path.join(folder, name)));
  return digest.digest("hex");
}
