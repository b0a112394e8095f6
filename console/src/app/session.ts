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

const WAS_SIGNED_IN = "arcrun-signed-in"; // the session's id, no secret: whether it is worth asking who is
let held: Session | undefined; // whose data is in this page's memory

/** Who is signed in; undefined if nobody was. Raises ApiError, SESSION_ENDED if somebody was. */
export async function findSession(): Promise<Session | undefined> {
  if (read(WAS_SIGNED_IN) === null) return undefined;
  try {
    return hold(await get<Session>("/session"));
  } catch (fault) {
    if (fault instanceof ApiError && fault.status === 401) erase(WAS_SIGNED_IN);
    throw fault;
  }
}

/** A page that has shown what one key may see begins anew for another one; with texts that are not pushed it asks. */
function hold(session: Session): Session {
  if (held !== undefined && held.key_id !== session.key_id) {
    forget();
    window.location.reload();
  }
  held = session;
  return session;
}

/** Another page of this browser has signed in or out, and with it this one: the cookie is the same. */
export function onOtherSession(onBegun: (session: Session) => void, onEnded: (error: ApiError) => void): () => void {
  const look = ({ key, newValue }: StorageEvent) => {
    if (key !== WAS_SIGNED_IN || newValue === (held?.id ?? null)) return;
    get<Session>("/session").then(
      (session) => onBegun(hold(session)),
      (fault: ApiError) => held && fault.status === 401 && onEnded(fault),
    );
  };
  window.addEventListener("storage", look);
  return () => window.removeEventListener("storage", look);
}

export const signIn = (key: string): Promise<Session> => enter({ key });
export const signInByLink = (link: string): Promise<Session> => enter({ link });

async function enter(proof: { key: string } | { link: string }): Promise<Session> {
  const session = hold(await post<Session>("/session", proof));
  write(WAS_SIGNED_IN, session.id);
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
