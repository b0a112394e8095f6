// What the console offers without asking a server: the templates of workflows, and the built-in components' contracts.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";

const ROOT = path.resolve(import.meta.dirname, "..");

/** [{name, description, text}], by name. */
export function readTemplates() {
  const folder = path.join(ROOT, "examples/workflows");
  const names = readdirSync(folder).filter((name) => name.endsWith(".yaml") && !name.endsWith(".test.yaml"));
  return names.sort().map((file) => {
    const text = readFileSync(path.join(folder, file), "utf8");
    return { name: file.replace(/\.yaml$/, ""), description: parse(text).description ?? "", text };
  });
}

/** Contracts as objects, by id. */
export function readContracts() {
  const folder = path.join(ROOT, "components");
  const files = readdirSync(folder).map((id) => path.join(folder, id, "contract.yaml"));
  return files.filter((file) => existsSync(file)).sort().map((file) => parse(readFileSync(file, "utf8")));
}
