// Guards Miniflare's explorer, the local platform's version of Cloudflare's REST API, which needs no key: anyone with
// access to it can read and write all workflows, run records and components. The guard listens on the plan's host,
// requires a path that starts with a secret segment, and accepts only its own Host header, against DNS rebinding.
import { timingSafeEqual } from "node:crypto";
import { createServer, request as sendRequest } from "node:http";

const HINT = "The address, with the secret part of its path, is `api_url` in running/{pid}.json, in acr's configuration folder.";

/** Serve until the server is closed. `secret` is the first segment of every path, `target` Miniflare's own port. */
export function startGuard({ host, port, secret, target }) {
  const hosts = new Set([`${host}:${port}`, `localhost:${port}`]);
  const server = createServer((request, response) => {
    if (!hosts.has(request.headers.host)) return refuse(response, 403, "The Host header names another server.");
    const [, segment] = request.url.split("/", 2);
    if (!isEqual(segment ?? "", secret)) return refuse(response, 404, `There is nothing here. ${HINT}`);
    const forwarded = sendRequest({
      host,
      port: target,
      method: request.method,
      path: request.url.slice(secret.length + 1) || "/",
      headers: { ...request.headers, host: `${host}:${target}` },
      agent: false, // no keep-alive: workerd closes idle connections, which could race with a request
    });
    forwarded.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
    forwarded.on("error", (error) => refuse(response, 502, `The local API does not answer: ${error.message}`));
    response.on("close", () => forwarded.destroy());
    request.pipe(forwarded);
  });
  return new Promise((resolve, reject) => server.once("error", reject).listen(port, host, () => resolve(server)));
}

function isEqual(given, wanted) {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Refuse in the envelope of Cloudflare's API, which its clients read. */
function refuse(response, status, message) {
  if (response.headersSent) return response.destroy();
  const envelope = { success: false, errors: [{ code: 10000, message }], messages: [], result: null };
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(envelope));
}
