/** Hono with a typed `c.var.session`: `deno serve examples/hono.ts` or `bun examples/hono.ts`. */

import { createSessions, type Session, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { Hono } from "hono";

interface Data {
  visits: number;
}

const sessions = createSessions<Data>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const app = new Hono<{ Variables: { session: Session<Data> } }>();
app.onError((error, c) => {
  if (error instanceof SessionError) throw error; // `wrap` responds: 503 or 409
  return c.text("Internal Server Error", 500);
});
app.use(async (c, next) => {
  c.set("session", await sessions.get(c.req.raw)); // Hono passes on the wrapped request itself
  await next();
});
app.get("/", (c) => {
  const { session } = c.var;
  const visits = session.update("visits", (n = 0) => n + 1);
  return c.text(`${session.userId ?? "nobody"}: visit ${visits}`);
});
app.post("/login", async (c) => {
  const form = await c.req.formData();
  c.var.session.login(String(form.get("user"))); // once the password is checked
  return c.redirect("/", 303);
});
app.post("/logout", async (c) => {
  await c.var.session.logout();
  return c.redirect("/", 303);
});

const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: sessions.wrap(app.fetch) };
export default server;
