/** React Router's loaders and actions with our sessions: `deno serve examples/react_router.ts`, or with `bun`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";
import { createStaticHandler, redirect } from "react-router";
import { sessionStorage } from "./react_router_storage.ts";

const sessions = createSessions({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const { getSession, commitSession, destroySession, sessionOf } = sessionStorage(sessions);

const { queryRoute } = createStaticHandler([{
  path: "/",
  async loader({ request }) {
    const session = await getSession(request.headers.get("cookie"));
    session.set("visits", session.get("visits") + 1 || 1);
    const text = `${sessionOf(session).userId ?? "nobody"}: visit ${session.get("visits")}`;
    return new Response(text, { headers: { "set-cookie": await commitSession(session) } });
  },
}, {
  path: "/login",
  async action({ request }) {
    const session = await getSession(request.headers.get("cookie"));
    sessionOf(session).login(String((await request.formData()).get("user"))); // once the password is checked
    return redirect("/", { status: 303, headers: { "set-cookie": await commitSession(session) } });
  },
}, {
  path: "/logout",
  async action({ request }) {
    const session = await getSession(request.headers.get("cookie"));
    return redirect("/", { status: 303, headers: { "set-cookie": await destroySession(session) } });
  },
}]);

// here `wrap` adds only its responses to errors: 503 or 409
const handler = sessions.wrap(async (request): Promise<Response> => await queryRoute(request));
const server: { fetch(request: Request): Promise<Response> } = { fetch: handler };
export default server;
