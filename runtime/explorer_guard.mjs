// Stands before Miniflare's explorer, Cloudflare's REST API for the local platform, which asks nobody for a key: whoever
// reads and writes there has all workflows, run records and components. It listens on the plan's host, wants a path that
// begins with a secret segment, and takes no Host but its own, so that a page whose name was made to lead here gets nothing.
import { timingSafeEqual } from "node:crypto";
import { createServer, request as sendRequest } from "node:http";

const HINT = "Its address, with the secret part of its path, is `api_url` in local.json, in acr's configuration folder.";

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
      agent: false, // workerd closes idle connections, and a request may meet the closing
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

/** In the envelope of Cloudflare's API, which its clients read. */
function refuse(response, status, message) {
  if (response.headersSent) return response.destroy();
  const envelope = { success: false, errors: [{ code: 10000, message }], messages: [], result: null };
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(envelope));
}
