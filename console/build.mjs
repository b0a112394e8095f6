// Builds the console: everything below src/ into dist/, which is the folder of the executor's assets.
//
//   node console/build.mjs [OUT]
//
// dist/_headers            the headers of all files, as Cloudflare's assets and the local runtime read them
// dist/console/index.html  the page, which names the others
// dist/console/*.json      templates and contracts
// dist/console/assets/*    code and styles, cached forever; the editor is a file of its own, loaded when it is opened
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
  legalComments: "none", // LICENSES.txt has them whole
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
writeFileSync(path.join(FOLDER, "assets/LICENSES.txt"), licencesOf(Object.keys(metafile.inputs)));
writeFileSync(path.join(OUT, "_headers"), readFileSync(path.join(HERE, "src/_headers")));

/** The licences of the packages that the files are of, as their licences ask for. */
function licencesOf(inputs) {
  const found = inputs.flatMap((input) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []);
  return [...new Set(found)].sort().map(licenceOf).join("\n\n");
}

function licenceOf(folder) {
  const home = path.join(HERE, "..", folder);
  const { name, version } = JSON.parse(readFileSync(path.join(home, "package.json"), "utf8"));
  const file = readdirSync(home).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} has no licence to ship`);
  return `${name} ${version}\n\n${readFileSync(path.join(home, file), "utf8").trim()}\n`;
}
