/** Who is signed in. The cookie cannot be read here: the executor says what it may. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { get, post, remove } from "../api/client";
import { forget } from "../api/data";
import type { Right, Session } from "../api/types";

export const SessionContext = createContext<Session | undefined>(undefined);

const ORDER: Right[] = ["read", "run", "push", "admin"];

/** Whether the session may what `right` says. */
export function useCan(right: Right): boolean {
  const session = useContext(SessionContext);
  return session !== undefined && ORDER.indexOf(session.can) >= ORDER.indexOf(right);
}

export const findSession = (): Promise<Session> => get<Session>("/session");
export const signIn = (key: string): Promise<Session> => post<Session>("/session", { key });
export const signInByLink = (link: string): Promise<Session> => post<Session>("/session", { link });

export async function signOut(): Promise<void> {
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
