/** React Router's `SessionStorage` over our sessions: for loaders and actions that are written to its three functions. */

import type { Session, Sessions } from "@sojourn/session";
import type { Session as RouterSession, SessionStorage } from "react-router";

const flashed = (name: string): string => `__flash_${name}__`;
const dress = (session: Session): RouterSession => ({
  id: session.id ?? "",
  data: session.toObject(),
  has: (name) => session.has(name) || session.has(flashed(name)),
  get: (name) => session.get(name) ?? session.pop(flashed(name)),
  set: (name, value) => void session.set(name, value),
  flash: (name, value) => void session.set(flashed(name), value),
  unset: (name) => void session.delete(name),
});

/** `sessionOf` is for what React Router lacks, above all `login`. */
type OurStorage = SessionStorage & { sessionOf(theirs: RouterSession): Session };

/** As in React Router, what is not committed is not saved. */
export function sessionStorage(sessions: Sessions): OurStorage {
  const requests = new WeakMap<RouterSession, [Session, Request]>();
  const open = sessions.wrap((request, done: (theirs: RouterSession) => void, failed: () => void) => {
    sessions.get(request).then((session) => {
      const theirs = dress(session);
      requests.set(theirs, [session, request]);
      done(theirs);
    }).catch(failed);
    return new Promise<Response>(() => {}); // the session stays open until it is committed
  });
  const sessionOf = (theirs: RouterSession) => requests.get(theirs)![0];
  const commitSession = async (theirs: RouterSession) =>
    (await sessions.headersFor(requests.get(theirs)![1])).getSetCookie()[0] ?? "";
  const destroySession = (theirs: RouterSession) =>
    sessionOf(theirs).flush().then(() => commitSession(theirs));
  const request = (cookie = "") => new Request("https://localhost/", { headers: { cookie } });
  const getSession = (cookie?: string | null) =>
    new Promise<RouterSession>((...ends) => void open(request(cookie ?? ""), ...ends));
  return { getSession, commitSession, destroySession, sessionOf };
}
