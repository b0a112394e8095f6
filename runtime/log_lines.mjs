// What Workers log (workers/edge/arcrun_edge/logs.py), for people.

/** A line of the runtime's log: JSON of arcrun's Workers as "executor: message", with the error below it. */
export function renderLine({ level, message }) {
  const told = parse(message);
  if (!told) return `${level}: ${message}`;
  const { level: own, worker, message: text, error, ...fields } = told;
  const more = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
  return `${own}: ${worker}: ${text}${more.join("")}${error ? `\n${error}` : ""}`;
}

function parse(message) {
  if (!message.startsWith('{"level"')) return undefined;
  try {
    const told = JSON.parse(message);
    return typeof told.worker === "string" && typeof told.message === "string" ? told : undefined;
  } catch {
    return undefined; // somebody else's, or cut
  }
}
