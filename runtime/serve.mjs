// The local runtime's Node process: one workerd that serves every Worker of a plan.
//
//   node serve.mjs PLAN.json
//
// PLAN.json is written by `acr dev` (see cli/acr/local/runtime_plan.py for its shape). This process writes one JSON object
// per line to stdout: {event: "ready", service, url}, {event: "reloaded"}, {event: "restarted"} (workerd had ended), {event: "failed", message}. A line on stdin
// (re)loads the plan; the end of stdin stops everything, so nothing outlives the process that started it.
import { once } from "node:events";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startGuard } from "./explorer_guard.mjs";
import { renderLine } from "./log_lines.mjs";
import { Loopback } from "./loopback.mjs";
import { workerdConfig } from "./workerd_config.mjs";
import { WorkerdProcess } from "./workerd_process.mjs";

const [planPath] = process.argv.slice(2);
process.stderr.on("error", () => {}); // a log that cannot be written, such as to a full disk, stops nothing
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const log = (line) => process.stderr.write(`${renderLine(line)}\n`);

const workerd = new WorkerdProcess(log);
const loopback = new Loopback(log);
let loopbackAddress;
let announced = false; // whether "ready" was sent

/** Start the plan, or switch to the changed plan. */
async function load() {
  const config = await workerdConfig(planPath);
  const { plan } = config;
  loopbackAddress ??= await loopback.listen(plan.host);
  loopback.secret = config.loopbackSecret;
  await startWorkerd(config);
  config.forget();
  if (announced) {
    say({ event: "reloaded" });
  } else {
    await startGuard({ host: plan.host, port: plan.apiPort, secret: plan.apiSecret, target: plan.explorerPort });
    await announce(plan);
    announced = true;
  }
  collectGarbage();
}

async function startWorkerd(config) {
  const { host, explorerPort } = config.plan;
  const ended = (reason) => {
    log({ level: "warn", message: `The Workers runtime, workerd, ended unexpectedly (${reason}) and is restarted.` });
    schedule(() =>
      startWorkerd(config)
        .then(() => say({ event: "restarted" }))
        .catch(async (error) => {
          say({ event: "failed", message: String(error.stack ?? error) });
          await stop(1);
        }),
    );
  };
  await workerd.start(config, [["entry", `${host}:${explorerPort}`]], [["loopback", loopbackAddress]], ended);
}

/** Wait for the first Worker only: in the others, Python starts with the first request. */
async function announce(plan) {
  const urls = plan.workers.map((worker) => `http://${plan.host}:${worker.port}`);
  const { status, text } = await get(`${urls[0]}/health`);
  if (status !== 200) throw new Error(`${plan.workers[0].service} answered ${status}: ${text}`);
  plan.workers.forEach(({ service }, i) => say({ event: "ready", service, url: urls[i] }));
  say({ event: "ready", service: "cloudflare-api", url: `http://${plan.host}:${plan.apiPort}` });
}

/** {status, text}. Node's own fetch would need 15 MiB. */
async function get(url) {
  const [answer] = await once(request(url, { agent: false }).end(), "response");
  const chunks = await answer.toArray();
  return { status: answer.statusCode, text: Buffer.concat(chunks).toString("utf8") };
}

/** Collect the start's garbage, as this process does too little later to trigger a collection. */
function collectGarbage() {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

async function stop(code) {
  await workerd.stop();
  process.exit(code);
}

let work = Promise.resolve();

/** Run tasks one after the other. */
function schedule(doWork) {
  work = work.then(doWork).catch(async (error) => {
    say({ event: "failed", message: String(error.stack ?? error) });
    if (!announced) await stop(1); // a later failure keeps the previous platform running
  });
}

process.on("SIGTERM", () => stop(0));
process.on("SIGINT", () => stop(0));
createInterface({ input: process.stdin })
  .on("line", () => schedule(load))
  .on("close", () => stop(0));
