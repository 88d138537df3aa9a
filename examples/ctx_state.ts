/** `ctx.state`, as in Fresh, by a middleware of five lines: `deno serve examples/ctx_state.ts` or `bun examples/ctx_state.ts`. */

import { createSessions, type Session } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

interface Data {
  visits: number;
}

const sessions = createSessions<Data>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
interface Context {
  readonly req: Request;
  readonly state: { session?: Session<Data> };
}

/** The middleware to pass to `app.use(…)` in Fresh. */
async function withSession(ctx: Context, next: (ctx: Context) => Promise<Response>): Promise<Response> {
  ctx.state.session = await sessions.get(ctx.req);
  return await next(ctx);
}

async function route({ req, state }: Context): Promise<Response> {
  const session = state.session!;
  const { pathname } = new URL(req.url);
  if (pathname === "/") {
    const visits = session.update("visits", (n = 0) => n + 1);
    return new Response(`${session.userId ?? "nobody"}: visit ${visits}`);
  }
  if (pathname === "/login") session.login(String((await req.formData()).get("user"))); // check the password
  if (pathname === "/logout") await session.logout();
  return new Response(null, { status: 303, headers: { location: "/" } });
}

const server: { fetch(request: Request): Response | Promise<Response> } = {
  fetch: sessions.wrap((req) => withSession({ req, state: {} }, route)),
};
export default server;
