// What is served of a folder of assets: each file's headers, from its `_headers`. Made with the configuration, so that no
// request parses anything. The format: developers.cloudflare.com/workers/static-assets/headers
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
const DEFAULTS = [["Cache-Control", "public, max-age=0, must-revalidate"]];

/** {path: {headers, file}} of the files below `folder`. An index.html is its folder's page, and is sent there itself. */
export function assetsOf(folder) {
  const rules = existsSync(path.join(folder, "_headers")) ? parseHeaders(readFileSync(path.join(folder, "_headers"), "utf8")) : [];
  const assets = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/");
    if (!entry.isFile() || file.startsWith("_")) continue;
    const content = readFileSync(path.join(folder, file));
    const url = `/${file.replace(/(^|\/)index\.html$/, "$1")}`;
    const etag = `"${createHash("sha256").update(content).digest("hex").slice(0, 32)}"`;
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    assets[url] = { file, headers: headersOf(url, rules, [...DEFAULTS, ["Content-Type", type], ["ETag", etag]]) };
    if (url !== `/${file}`) assets[`/${file}`] = { movedTo: url, headers: headersOf(`/${file}`, rules, []) };
  }
  return assets;
}

/** [[pattern, [[name, value], ...]], ...]: a line that is not indented is a rule's path, with `*` for anything. */
export function parseHeaders(text) {
  const rules = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    if (!/^\s/.test(line)) rules.push([checked(line.trim()), []]);
    else if (line.trim().startsWith("!")) throw new Error(`_headers: a header that is taken away is not known here: ${line.trim()}`);
    else {
      const [name, ...value] = line.trim().split(":");
      rules.at(-1)?.[1].push([name, value.join(":").trim()]);
    }
  }
  return rules;
}

/** What is not known here is refused: it would be served otherwise than when it is deployed. */
function checked(pattern) {
  if (!pattern.startsWith("/") || /\/:/.test(pattern)) throw new Error(`_headers: only paths with * are known here: ${pattern}`);
  return pattern;
}

/** A rule's header replaces a default one; that of a second rule is joined to the first one's. */
function headersOf(url, rules, defaults) {
  const found = new Map(defaults.map(([name, value]) => [name.toLowerCase(), { name, value }]));
  const ruled = new Set();
  for (const [pattern, headers] of rules) {
    if (!matches(pattern, url)) continue;
    for (const [name, value] of headers) {
      const key = name.toLowerCase();
      found.set(key, { name, value: ruled.has(key) ? `${found.get(key).value}, ${value}` : value });
      ruled.add(key);
    }
  }
  return [...found.values()].map(({ name, value }) => [name, value]);
}

function matches(pattern, url) {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(url);
}
