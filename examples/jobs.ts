/** Work that continues after the response: `deno serve examples/jobs.ts` or `bun examples/jobs.ts`. */

import { createSessions, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ report: "under way" | string }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});

/** The job gets the session's id, never the request's session, which closes when the response is sent. */
async function makeReport(id: string | undefined): Promise<void> {
  const report = await Promise.resolve("42 pages"); // the slow part
  const session = await sessions.open(id);
  if (session.id === undefined) return; // logged out or logged in again in the meantime
  session.set("report", report);
  await session.save().catch((error) => {
    if (!(error instanceof SessionError && error.code === "ERR_GONE")) throw error; // logged out just now
  });
}

const server: { fetch(request: Request): Response | Promise<Response> } = {
  fetch: sessions.wrap(async (request) => {
    const session = await request.session;
    if (request.method !== "POST") return new Response(session.get("report", "none"));
    session.set("report", "under way");
    await session.save(); // before the job starts: it has to find the session
    makeReport(session.id).catch((error) => console.error("The report failed:", error));
    return new Response("under way", { status: 202 });
  }),
};
export default server;
