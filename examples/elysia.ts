/** Elysia with a typed `session` in every context: `deno serve examples/elysia.ts` or `bun examples/elysia.ts`. */

import { createSessions, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { Elysia, t } from "elysia";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const app = new Elysia()
  .onError(({ error }) => {
    if (error instanceof SessionError) throw error; // `wrap` responds: 503 or 409
  })
  .resolve(async ({ request }) => ({ session: await sessions.get(request) }))
  .get("/", ({ session }) => {
    const visits = session.update("visits", (n = 0) => n + 1);
    return `${session.userId ?? "nobody"}: visit ${visits}`;
  })
  .post("/login", ({ session, body, request, redirect }) => {
    session.login(body.user); // once the password is checked
    return redirect(new URL("/", request.url).href, 303); // a relative address would be an error on Deno
  }, { body: t.Object({ user: t.String() }) })
  .post("/logout", async ({ session, request, redirect }) => {
    await session.logout();
    return redirect(new URL("/", request.url).href, 303);
  });

const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: sessions.wrap(app.fetch) };
export default server;
