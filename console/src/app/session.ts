/** Who is signed in. The cookie cannot be read here: the executor says what it may. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { ApiError, get, post, remove } from "../api/client";
import { forget } from "../api/data";
import type { Right, Session } from "../api/types";
import { erase, read, write } from "../texts";

export const SessionContext = createContext<Session | undefined>(undefined);

const ORDER: Right[] = ["read", "run", "push", "admin"];

/** Whether the session may what `right` says. */
export function useCan(right: Right): boolean {
  const session = useContext(SessionContext);
  return session !== undefined && ORDER.indexOf(session.can) >= ORDER.indexOf(right);
}

const WAS_SIGNED_IN = "arcrun-signed-in"; // no secret: whether it is worth asking who is

/** Who is signed in; undefined if nobody is. */
export async function findSession(): Promise<Session | undefined> {
  if (read(WAS_SIGNED_IN) === null) return undefined;
  try {
    return await get<Session>("/session");
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.status !== 401) throw fault;
    erase(WAS_SIGNED_IN);
    return undefined;
  }
}

export const signIn = (key: string): Promise<Session> => enter({ key });
export const signInByLink = (link: string): Promise<Session> => enter({ link });

async function enter(proof: { key: string } | { link: string }): Promise<Session> {
  const session = await post<Session>("/session", proof);
  write(WAS_SIGNED_IN, "1");
  return session;
}

export async function signOut(): Promise<void> {
  erase(WAS_SIGNED_IN);
  await remove("/session");
  forget();
}

/** The token of a one-time link, `#link=TOKEN&to=/runs/ID`, and where it leads. Taken out of the address at once. */
export function takeLink(): string | undefined {
  const hash = window.location.hash;
  if (!hash.startsWith("#link=")) return undefined;
  const values = new URLSearchParams(hash.slice(1));
  history.replaceState(null, "", `#${values.get("to") ?? "/"}`);
  return values.get("link") ?? undefined;
}
