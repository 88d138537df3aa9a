/** Sessions of hono-sessions continue here: the cookie is decrypted with the old key, the record read once and deleted. */

import { createSessions, type Session } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { decrypt, type Store } from "hono-sessions";

type Old = { encryptionKey: string; name: string; store: Store };

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

async function adopt(session: Session<{ visits: number }>, cookie: string, old: Old): Promise<void> {
  const id = await decrypt(old.encryptionKey, cookie).catch(() => undefined); // without a key, the cookie is the id
  if (typeof id !== "string") return; // forged
  const row = await old.store.getSessionById(id);
  if (!row || row._expire !== null && Date.parse(row._expire) <= Date.now()) return; // expired or logged out
  const valueOf = (key: string) => row._data[key]?.value;
  if (typeof valueOf("visits") === "number") session.set("visits", valueOf("visits"));
  if (typeof valueOf("user") === "string") session.login(valueOf("user"));
  await session.save();
  await old.store.deleteSession(id); // it must not start another session
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
