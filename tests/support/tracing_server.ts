/** A server whose sessions are traced; it answers three requests of its own and ends. Started by `tests/diagnostics/tracing_spans_test.ts`. */

import { MemoryStore } from "../../backends/memory.ts";
import { traceSessions } from "../../examples/tracing.ts";
import { createSessions } from "../../mod.ts";

traceSessions();
const store = new MemoryStore();
const sessions = createSessions<{ visits: number }>({
  store,
  secrets: [crypto.getRandomValues(new Uint8Array(32))],
  cookie: { name: "sid", secure: false },
});
const handler = sessions.wrap(async (request) => {
  const session = await request.session;
  return new Response(String(session.update("visits", (n = 0) => n + 1)));
});
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => handler(request));
const url = `http://127.0.0.1:${server.addr.port}/`;

const first = await fetch(url);
const [cookie] = first.headers.getSetCookie()[0]!.split(";", 1) as [string];
const visit = async () => await (await fetch(url, { headers: { cookie } })).text();
const answers = [await first.text(), await visit()];
store.load = () => {
  throw new Error(`down with ${cookie}`);
};
await visit();
await server.shutdown();
const id = cookie.slice("sid=".length);
console.log(JSON.stringify({ answers, id }));
