/** h3, version 2: `deno serve examples/h3.ts` or `bun examples/h3.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { H3, redirect } from "h3";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // yours comes from the environment
});
const app = new H3();

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

const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: sessions.wrap(app.fetch) };
export default server;
