/** A page cache around an app with sessions: `deno serve examples/page_cache.ts`. Bun has no `caches`, so there it stores nothing. */

import { createSessions, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { Hono } from "hono";
import { cache } from "hono/cache";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const app = new Hono();
app.onError((error, c) => {
  if (error instanceof SessionError) throw error; // `wrap` responds: 503 or 409
  return c.text("Internal Server Error", 500);
});
app.get("/", async (c) => {
  const session = await sessions.get(c.req.raw);
  const visits = session.update("visits", (n = 0) => n + 1);
  return c.text(`visit ${visits}`);
});
app.get("/about", (c) => c.text(`the same for all, made at ${new Date().toISOString()}`));

// outside `wrap`, a cache sees which pages are private; inside, it would store them before they are marked
const withSessions = sessions.wrap((request: Request) => app.fetch(request));
const cached = new Hono();
cached.use(cache({ cacheName: "pages", cacheControl: "max-age=60", wait: true, onCacheNotAvailable: false }));
cached.all("*", (c) => withSessions(c.req.raw));

const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: cached.fetch };
export default server;
