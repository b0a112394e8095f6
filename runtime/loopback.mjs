// Answers requests of Miniflare's own Workers to Node: to log, to render an error, to list other running platforms.
import { createServer } from "node:http";
import { timingSafeEqual } from "node:crypto";

const SECRET_HEADER = "mf-loopback-secret";
const LEVELS = ["none", "error", "warn", "info", "debug", "verbose"]; // by their number in the header

/** Serves on a port that the system chooses. `secret` can be set, as each configuration has its own. */
export class Loopback {
  secret = "";
  #server;
  #log;

  /** `log` takes {level, message}. */
  constructor(log) {
    this.#log = log;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** Its address. */
  listen(host) {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, host, () => resolve(`${host}:${this.#server.address().port}`));
    });
  }

  async #answer(request, response) {
    const given = Buffer.from(request.headers[SECRET_HEADER] ?? "");
    const wanted = Buffer.from(this.secret);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return void response.writeHead(403).end();
    const text = await textOf(request);
    const { pathname } = new URL(request.headers["mf-original-url"] ?? request.url, "http://localhost");
    if (pathname === "/core/log") {
      this.#log({ level: LEVELS[Number(request.headers["mf-log-level"])] ?? "log", message: text });
      response.writeHead(204).end();
    } else if (pathname === "/core/error") {
      this.#log({ level: "error", message: text });
      response.writeHead(500, { "content-type": "text/plain" }).end(text);
    } else if (pathname === "/core/dev-registry") {
      response.writeHead(200, { "content-type": "application/json" }).end("{}"); // there are no other platforms for it
    } else {
      this.#log({ level: "warn", message: `Miniflare requested ${pathname}, which the local runtime lacks.` });
      response.writeHead(404).end();
    }
  }
}

async function textOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
