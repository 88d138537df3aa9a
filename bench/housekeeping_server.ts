/**
 * The server of the bench of the housekeeping: `housekeeping_server.ts DATABASE`. Prints its port; a POST begins to clear what has expired, and
 * how many that were is printed in the end.
 */

import process from "node:process";
import { SqliteStore } from "../backends/sqlite.ts";
import { serve } from "../examples/demo/serve.ts";
import { createSessions } from "../mod.ts";

const sessions = createSessions<{ visits: number }>({
  store: await SqliteStore.open(process.argv[2]!),
  secrets: ["a secret of the bench, 32 bytes!".split("").reverse().join("")],
  cookie: { name: "sid", secure: false },
});
const visit = sessions.wrap(async (request) => {
  const session = await request.session;
  const isRead = request.headers.get("x-read") !== null;
  return new Response(
    String(isRead ? session.get("visits") : session.update("visits", (n = 0) => n + 1)),
  );
});
const server = serve(async (request) => {
  if (request.method !== "POST") return await visit(request);
  sessions.clearExpired().then((removed) => console.log(removed)); // Bun waits 10 s for an answer, not longer
  return new Response();
}, 0);
console.log(server.port);
