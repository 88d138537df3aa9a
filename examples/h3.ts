/** h3, version 2: `deno serve examples/h3.ts` or `bun examples/h3.ts`. */

import { createSessions, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { H3, redirect } from "h3";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
// h3 passes no error on: this one is kept for `wrap`, which responds with 503 or 409
const app = new H3({ onError: ({ cause }, { context }) => void (context["failure"] = cause) });

app.get("/", async (event) => {
  const session = await sessions.get(event.req); // the wrapped request itself
  const visits = session.update("visits", (n = 0) => n + 1);
  return `${session.userId ?? "nobody"}: visit ${visits}`;
});
app.post("/login", async (event) => {
  const session = await sessions.get(event.req);
  const form = await event.req.formData();
  session.login(String(form.get("user"))); // once the password is checked
  return redirect("/", 303);
});
app.post("/logout", async (event) => {
  const session = await sessions.get(event.req);
  await session.logout();
  return redirect("/", 303);
});

const handler = sessions.wrap(async (request) => {
  const context: { failure?: unknown } = {};
  const response = await app.request(request, undefined, context);
  if (context.failure instanceof SessionError) throw context.failure;
  return response;
});
const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: handler };
export default server;
