/** Oak, as it comes from npm: `deno serve examples/oak.ts` or `bun examples/oak.ts`. */

import { Application, Router } from "@oakserver/oak";
import { createSessions, type Session, SessionError } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

type State = { session: Session<{ visits: number }> };
const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const router = new Router<State>();
router.get("/", ({ state: { session }, response }) => {
  const visits = session.update("visits", (n = 0) => n + 1);
  response.body = `${session.userId ?? "nobody"}: visit ${visits}`;
});
router.post("/login", async ({ state: { session }, request, response }) => {
  const form = await request.body.form();
  session.login(String(form.get("user"))); // once the password is checked
  response.redirect("/");
});
router.post("/logout", async ({ state: { session }, response }) => {
  await session.logout();
  response.redirect("/");
});
const app = new Application<State>({ contextState: "empty" });
app.use(async ({ state, request }, next) => {
  state.session = await sessions.get(request.source as never); // the wrapped request itself
  await next();
}, router.routes());
const failures = new WeakMap<object, unknown>(); // Oak passes no error on: `wrap` responds with 503 or 409
app.addEventListener("error", ({ context, error }) => void failures.set(context!.request.source!, error));
const handler = sessions.wrap(async (request) => {
  // on Deno, the Request and Response of npm's build are not the native ones
  const { status, headers, body } = await app.handle(request as never) ?? new Response(null, { status: 404 });
  if (failures.get(request) instanceof SessionError) throw failures.get(request);
  return new Response(body as BodyInit | null, { status, headers: [...headers] });
});
const server: { fetch(request: Request): Response | Promise<Response> } = { fetch: handler };
export default server;
