/** Sessions of express-session continue here: its cookie is checked with the old secret, its record read once and deleted. */

import { createSessions, type Session } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { unsign } from "cookie-signature";
import type { SessionData, Store } from "express-session";

type Data = { visits: number };
type Row = SessionData & { visits?: number; user?: unknown };
type Done = (error: unknown, row?: Row | null) => void;
type Old = { secret: string; name: string; store: Store };
const sessions = createSessions<Data>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
/** The result of a store call. Not `promisify`: it warns about stores that also return promises, such as connect-redis. */
const ask = (call: (done: Done) => void): Promise<Row | null | undefined> =>
  new Promise((resolve, reject) => call((error, row) => error ? reject(error) : resolve(row)));

async function adopt(session: Session<Data>, cookie: string, { secret, store }: Old): Promise<void> {
  const id = cookie.startsWith("s:") && unsign(cookie.slice(2), secret);
  const row = id && await ask((done) => store.get(id, done));
  if (!row) return; // forged, expired or logged out
  session.set("visits", row.visits ?? 0); // what you need; not row.cookie
  if (typeof row.user === "string") session.login(row.user);
  await session.save();
  await ask((done) => store.destroy(id, done)); // it must not start another session
}
/** An app in which their sessions continue. Remove the adoption when the last of them has expired. */
export const makeApp = (old: Old): (request: Request) => Promise<Response> =>
  sessions.wrap(async (request) => {
    const session = await request.session;
    const cookies = new URLSearchParams(request.headers.get("cookie")?.replaceAll("; ", "&")); // decodes, never throws
    const cookie = cookies.get(old.name);
    if (cookie !== null && session.id === undefined) await adopt(session, cookie, old);
    const visits = session.update("visits", (n = 0) => n + 1);
    const response = new Response(`${session.userId ?? "nobody"}: visit ${visits}`);
    if (cookie !== null) response.headers.append("set-cookie", `${old.name}=; Path=/; Max-Age=0`);
    return response;
  });
