/** `Deno.serve` and nothing else: `PORT=8000 deno run --allow-net --allow-env=PORT examples/deno_serve.ts`. */

import { createSessions } from "@sojourn/session";
import { MemoryStore } from "@sojourn/session/memory";

const sessions = createSessions<{ visits: number }>({
  store: new MemoryStore(),
  secrets: [crypto.getRandomValues(new Uint8Array(32))], // in your app: from the environment
});
const home = (): Response => new Response(null, { status: 303, headers: { location: "/" } });
const hello = new URLPattern({ pathname: "/hello/:name" });

Deno.serve(
  { port: Number(Deno.env.get("PORT") ?? 8000), hostname: "127.0.0.1" },
  sessions.wrap(async (request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
    const { pathname } = new URL(request.url);
    switch (`${request.method} ${pathname}`) {
      case "GET /": {
        const session = await request.session;
        const visits = session.update("visits", (n = 0) => n + 1);
        return new Response(`${session.userId ?? "nobody"}: visit ${visits}`);
      }
      case "POST /login": {
        const form = await request.formData();
        (await request.session).login(String(form.get("user"))); // once the password is checked
        return home();
      }
      case "POST /logout":
        await (await request.session).logout();
        return home();
    }
    const name = hello.exec(request.url)?.pathname.groups["name"]; // this route costs no session
    if (name !== undefined) return new Response(`Hello ${name} from ${info.remoteAddr.hostname}`);
    return new Response("not found", { status: 404 });
  }),
);
