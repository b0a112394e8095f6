// workerd's configuration for a plan, made once by Miniflare and cached by content next to the state.
//
// Miniflare takes half a second and 90 MiB to load. It runs in its own process (make_config.mjs), which ends when the
// configuration is written, and only if there is none for the same options, packages and environment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { buildOptions, configFolder, digestOf, filesFolder } from "./platform.mjs";

const HERE = import.meta.dirname;
const MAKER = path.join(HERE, "make_config.mjs");
// After its answer, a run leaves only garbage. With V8's default young generation of 16 MiB per isolate, much of it is
// promoted to the old one, where it stays long: 132 MiB more after 15,000 runs, compared with 18 MiB with these flags.
const V8_FLAGS = "--min-semi-space-size=1 --max-semi-space-size=1"; // MiB
// Other environment variables that affect the configuration.
const ENVIRONMENT = { MINIFLARE_WORKERD_V8_FLAGS: V8_FLAGS, MINIFLARE_WORKERD_AUTOGATES: "", NODE_EXTRA_CA_CERTS: "" };

/**
 * {file, sockets, folders, loopbackSecret, forget}: workerd's configuration file, the names of its sockets, folders that
 * must exist, the secret in its requests to Node, and a function that removes files of earlier plans. Raises Error.
 */
export async function workerdConfig(planPath) {
  const plan = JSON.parse(readFileSync(planPath, "utf8"));
  const { options, filesKeys } = buildOptions(plan);
  const key = configKey(plan, options);
  const folder = configFolder(plan);
  mkdirSync(folder, { recursive: true });
  const about = readConfig(folder, key) ?? (await makeConfig(planPath, folder, key));
  for (const needed of about.folders) mkdirSync(needed, { recursive: true });
  const forget = () => {
    keepOnly(folder, [key, `${key}.json`, about.temporary]);
    keepOnly(filesFolder(plan), filesKeys);
  };
  return { ...about, plan, file: path.join(folder, key), forget };
}

function configKey(plan, options) {
  const withDigests = (_name, value) => (value?.type === "Buffer" ? digestOf(Buffer.from(value.data)) : value);
  const versions = ["miniflare", "workerd"].map((name) => {
    return JSON.parse(readFileSync(path.join(plan.nodeModules, name, "package.json"), "utf8")).version;
  });
  const environment = makerEnvironment();
  const certificates = environment.NODE_EXTRA_CA_CERTS;
  const trusted = certificates && existsSync(certificates) ? digestOf(readFileSync(certificates)) : "";
  const maker = readFileSync(MAKER, "utf8");
  return digestOf(JSON.stringify([options, versions, process.version, environment, trusted, maker], withDigests));
}

/** This process's values of ENVIRONMENT's variables, or the defaults. */
const makerEnvironment = () => {
  return Object.fromEntries(Object.entries(ENVIRONMENT).map(([name, value]) => [name, process.env[name] ?? value]));
};

/** The cached configuration's description; undefined if it is missing or damaged. */
function readConfig(folder, key) {
  try {
    const about = JSON.parse(readFileSync(path.join(folder, `${key}.json`), "utf8"));
    return digestOf(readFileSync(path.join(folder, key))) === about.sha256 ? about : undefined;
  } catch {
    return undefined;
  }
}

async function makeConfig(planPath, folder, key) {
  const given = Object.entries(makerEnvironment()).filter(([, value]) => value);
  const maker = spawn(process.execPath, [MAKER, planPath, folder, key], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...Object.fromEntries(given) },
  });
  await once(maker, "exit"); // it kills itself
  const about = readConfig(folder, key);
  if (!about) throw new Error("Miniflare did not produce a configuration of the Workers.");
  return about;
}

const OWN_NAME = /^([0-9a-f]{64}(\.json)?|tmp-\w+)$/;

function keepOnly(folder, names) {
  for (const name of readdirSync(folder)) {
    if (OWN_NAME.test(name) && !names.includes(name)) rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}
