/** Sessions of iron-session continue here: a sealed cookie is opened with the old password and cleared. */

import { createSessions, type Session } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { unsealData } from "iron-session";

type Old = { password: string; name: string; ttl?: number };
type Sealed = { visits?: number; user?: string };

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

async function adopt(
  session: Session<{ visits: number }>,
  cookie: string,
  { password, ttl }: Old,
): Promise<void> {
  const row = await unsealData<Sealed>(cookie, { password, ...ttl !== undefined && { ttl } }); // {} if forged or expired
  if (row.visits !== undefined) session.set("visits", row.visits);
  if (row.user !== undefined) session.login(row.user);
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
