// Serves the Worker's assets before Python, as Cloudflare does: no request of theirs starts an interpreter.
import workerJson from "./worker.json";

const { assets, assetsFolder } = JSON.parse(workerJson); // written by platform.mjs

/** The answer of an asset; undefined if the request is the Worker's. */
export function answerAsset(env, request) {
  if (assets === undefined) return undefined;
  const { url } = request;
  const from = url.indexOf("/", 8); // behind the scheme and the host
  return url.startsWith(assetsFolder, from) ? answer(env, request, url.slice(from)) : undefined;
}

function answer(env, request, target) {
  const asset = Object.hasOwn(assets, pathOf(target)) ? assets[pathOf(target)] : undefined;
  if (asset === undefined) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return new Response(null, { status: 405, headers: { Allow: "GET, HEAD" } });
  const headers = new Headers(asset.headers);
  if (asset.movedTo !== undefined) {
    headers.set("Location", asset.movedTo);
    return new Response(null, { status: 307, headers });
  }
  const known = request.headers.get("If-None-Match");
  if (known !== null && known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === headers.get("ETag"))) {
    return new Response(null, { status: 304, headers });
  }
  return send(env, request, asset, headers);
}

async function send(env, request, { file }, headers) {
  const found = await env.ARCRUN_ASSETS.fetch(`http://folder/${file}`);
  return new Response(request.method === "HEAD" ? null : found.body, { headers });
}

/** The path that a request asks for, without its query. What is not properly encoded is nobody's. */
function pathOf(target) {
  try {
    return decodeURIComponent(target.split("?", 1)[0]);
  } catch {
    return "";
  }
}
