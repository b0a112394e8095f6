// Writes workerd's configuration for a plan, made by Miniflare:
//
//   node make_config.mjs PLAN.json FOLDER KEY    ->    FOLDER/KEY, and FOLDER/KEY.json about it
//
// Miniflare passes the configuration to the workerd that it starts. Here nothing is started: the configuration is
// written to the file instead, with the names of its sockets and folders, and this process ends.
import childProcess from "node:child_process";
import { EventEmitter } from "node:events";
import fs, { mkdtempSync, readFileSync, renameSync } from "node:fs";
import { flushCompileCache } from "node:module";
import path from "node:path";
import { PassThrough, Writable } from "node:stream";
import { buildOptions, digestOf } from "./platform.mjs";

const [planPath, folder, key] = process.argv.slice(2);
const temporary = mkdtempSync(path.join(folder, "tmp-")); // Miniflare's temporary folder, named in the configuration
process.env.TMPDIR = temporary;

// Miniflare can also write the configuration as JSON. It contains the Workers' secrets, so it is never written to a file;
// and the names searched for in it are not in the modules' bytes.
const READABLE = path.join(temporary, "config.json");
let readable;
const { writeFileSync } = fs;
process.env.MINIFLARE_WORKERD_CONFIG_DEBUG = READABLE;
fs.writeFileSync = (file, content, ...options) => {
  if (file === READABLE) readable = content;
  else writeFileSync(file, content, ...options);
};
Uint8Array.prototype.toJSON = Buffer.prototype.toJSON = () => null;

childProcess.spawn = () => {
  const chunks = [];
  const stdin = new Writable({
    write: (chunk, _encoding, done) => done(void chunks.push(chunk)),
    final: () => finish(Buffer.concat(chunks)),
  });
  const [stdout, stderr, control] = [new PassThrough(), new PassThrough(), new PassThrough()];
  return Object.assign(new EventEmitter(), { stdin, stdout, stderr, stdio: [stdin, stdout, stderr, control], kill: () => {} });
};

function finish(config) {
  const { services, sockets } = JSON.parse(readable);
  const loopback = services.find(({ name }) => name === "loopback").external.http.injectRequestHeaders[0];
  const about = {
    sha256: digestOf(config),
    sockets: sockets.map(({ name }) => name),
    folders: services.filter(({ disk }) => disk?.writable).map(({ disk }) => disk.path),
    temporary: path.basename(temporary),
    loopbackSecret: loopback.value,
  };
  write(key, config);
  write(`${key}.json`, JSON.stringify(about)); // last, as it marks the other file as complete
  flushCompileCache();
  process.kill(process.pid, "SIGKILL"); // exiting during Miniflare's start sometimes hangs
}

function write(name, content) {
  const unfinished = path.join(temporary, name);
  writeFileSync(unfinished, content, { mode: 0o600 });
  renameSync(unfinished, path.join(folder, name));
}

const { Miniflare, convertV4MiniflareOptions } = await import("miniflare");
const { options } = buildOptions(JSON.parse(readFileSync(planPath, "utf8")));
await new Miniflare(convertV4MiniflareOptions(options)).ready;
throw new Error("Miniflare started workerd in a way that this script does not support.");
