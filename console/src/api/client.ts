/** The executor's HTTP API, as docs/http.md describes it. The session's cookie goes along by itself. */
import { noteTime } from "./clock";
import { parseJson } from "./exact";
import type { Json } from "./types";

export interface Problem {
  code: string;
  message: string;
  next_actions: string[];
  details: Record<string, unknown>;
  retriable: boolean;
}

export class ApiError extends Error {
  /** `status` is 0 where there was no answer. `runId` is that of a run that has failed. */
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly runId?: string,
  ) {
    super(problem.message);
  }

  get code(): string {
    return this.problem.code;
  }
}

export const OFFLINE = "OFFLINE";
type Listener = (fault: ApiError) => void;
const signOutListeners = new Set<Listener>();

/** Calls `listener` when an answer says that the session has ended. */
export function onSignedOut(listener: Listener): () => void {
  signOutListeners.add(listener);
  return () => signOutListeners.delete(listener);
}

/** The whole answer. Raises ApiError. */
export async function request(method: string, path: string, body?: unknown): Promise<any> {
  const headers: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
    });
  } catch {
    throw new ApiError(0, { code: OFFLINE, message: "", next_actions: [], details: {}, retriable: true });
  }
  noteTime(response.headers.get("date"));
  const answer: any = await readAnswer(response);
  if (response.ok && answer !== undefined) return answer;
  const problem: Problem = {
    code: `HTTP_${response.status}`,
    message: `${response.status} ${response.statusText}`.trim(),
    next_actions: [],
    details: {},
    retriable: response.status >= 500,
    ...answer?.error,
  };
  const fault = new ApiError(response.status, problem, answer?.run_id);
  if (response.status === 401 && path !== "/session") signOutListeners.forEach((listener) => listener(fault));
  throw fault;
}

/** Undefined if it is no JSON. */
async function readAnswer(response: Response): Promise<Json | undefined> {
  try {
    return parseJson(await response.text());
  } catch {
    return undefined;
  }
}

const dataOf = async <T>(method: string, path: string, body?: unknown): Promise<T> =>
  (await request(method, path, body)).data as T;

export const get = <T>(path: string): Promise<T> => dataOf<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => dataOf<T>("POST", path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => dataOf<T>("PUT", path, body);
export const remove = <T>(path: string): Promise<T> => dataOf<T>("DELETE", path);

/** A path whose parts are encoded: pathOf`/runs/${id}/input`. */
export function pathOf(texts: TemplateStringsArray, ...parts: string[]): string {
  return texts.reduce((path, text, at) => path + encodeURIComponent(parts[at - 1] ?? "") + text);
}

/** `?a=b&c=d` of what is set; empty if nothing is. */
export function queryOf(values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** All pages of a list, whose answers have a `cursor`. At most `most` pages: nobody reads on. */
export async function getAll<T>(path: string, name: string, most = 50): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < most; page++) {
    const mark: string = path.includes("?") ? "&" : "?";
    const answer: Record<string, any> = await get(path + (cursor ? `${mark}cursor=${encodeURIComponent(cursor)}` : ""));
    found.push(...(answer[name] as T[]));
    cursor = (answer["cursor"] as string | null) ?? null;
    if (!cursor) break;
  }
  return found;
}
