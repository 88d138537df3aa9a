/** The sessions of Hono's users: hono-sessions and @hono/session, in Hono, and Hono alone. */

import { useSession, useSessionStorage } from "@hono/session";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { CookieStore, MemoryStore, sessionMiddleware } from "hono-sessions";
import { openSqlite } from "./clients.ts";
import { type Data, firstData, type Handler, type Opened, type Subject } from "./subject.ts";

const secret = "of no use outside of this bench: 9b1f3c";

type Route = (context: Context) => Response | Promise<Response>;

/** One application for each scenario. */
function applications(middleware: MiddlewareHandler[], routes: { R: Route; W: Route }): Opened {
  const handler = (route: Route): Handler => {
    // deno-lint-ignore no-explicit-any -- what the middlewares put into the context is not known here
    const app = new Hono<any>();
    for (const one of middleware) app.use("*", one);
    app.get("/", route);
    return (request) => app.fetch(request);
  };
  return {
    handlers: { N: handler((context) => context.text("ok")), R: handler(routes.R), W: handler(routes.W) },
  };
}

const bareHono: Subject = {
  name: "Hono, bare",
  kind: "bare",
  open() {
    const ok: Route = (context) => context.text("ok");
    return applications([], { R: ok, W: ok });
  },
};

/** What the routes use of a session of hono-sessions. */
interface HonoSession {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

function begin(session: HonoSession): void {
  for (const [key, value] of Object.entries(firstData())) session.set(key, value);
}

const honoSessionsRoutes: { R: Route; W: Route } = {
  R(context) {
    const session: HonoSession = context.get("session");
    const name = session.get("name");
    if (!name) begin(session);
    return context.text(String(name));
  },
  W(context) {
    const session: HonoSession = context.get("session");
    const name = session.get("name");
    if (name) session.set("visits", session.get("visits") as number + 1);
    else begin(session);
    return context.text(String(name));
  },
};

/** As the package's own store for Bun, over either driver, with statements prepared once (which that one leaves to Bun). */
async function honoSqlite(path: string, synchronous: "FULL" | "NORMAL") {
  const database = await openSqlite(path, synchronous);
  database.exec("CREATE TABLE sessions (id TEXT PRIMARY KEY, data TEXT)");
  const select = database.prepare("SELECT data FROM sessions WHERE id = ?");
  const insert = database.prepare("INSERT INTO sessions (id, data) VALUES (?, ?)");
  const update = database.prepare("UPDATE sessions SET data = ? WHERE id = ?");
  const remove = database.prepare("DELETE FROM sessions WHERE id = ?");
  return {
    getSessionById(id?: string) {
      const row = select.get(id!) as { data: string } | undefined | null;
      return row ? JSON.parse(row.data) : null;
    },
    createSession: (id: string, data: unknown) => void insert.run(id, JSON.stringify(data)),
    persistSessionData: (id: string, data: unknown) => void update.run(JSON.stringify(data), id),
    deleteSession: (id: string) => void remove.run(id),
    close: () => database.close(),
  };
}

function honoSessions(
  name: string,
  keeps: NonNullable<Subject["keeps"]>,
  // deno-lint-ignore no-explicit-any -- the package's types differ from store to store
  store: (path: string) => any,
  more: Record<string, unknown> = {},
): Subject {
  return {
    name: `hono-sessions, ${name}`,
    kind: "peer",
    bare: "Hono, bare",
    keeps,
    async open({ path }) {
      const made = await store(path());
      const options = { store: made, expireAfterSeconds: 1_209_600, ...more };
      const opened = applications(
        [sessionMiddleware(options) as unknown as MiddlewareHandler],
        honoSessionsRoutes,
      );
      return { ...opened, close: () => made.close?.() };
    },
  };
}

/** @hono/session: encrypted in the cookie, or an encrypted id and the data in a Map. */
function ownHonoSession(name: string, keeps: "cookie" | "memory"): Subject {
  return {
    name: `@hono/session, ${name}`,
    kind: "peer",
    bare: "Hono, bare",
    keeps,
    open() {
      const records = new Map<string, Data>();
      const storage = {
        get: (id: string) => records.get(id) ?? null,
        set: (id: string, data: Data) => void records.set(id, data),
        delete: (id: string) => void records.delete(id),
      };
      const middleware = [
        // deno-lint-ignore no-explicit-any -- its storage is typed for any session at all
        ...(keeps === "memory" ? [useSessionStorage(storage as any)] : []),
        useSession({ secret: "12345678901234567890123456789012", duration: { absolute: 1_209_600 } }),
      ] as MiddlewareHandler[];
      const route = (isWriting: boolean): Route => async (context) => {
        const session = context.get("session");
        const data: Data | null = await session.get();
        if (data === null) await session.update(firstData());
        else if (isWriting) await session.update({ ...data, visits: data.visits + 1 });
        return context.text(String(data?.name));
      };
      return applications(middleware, { R: route(false), W: route(true) });
    },
  };
}

/** Hono and what goes with it. */
export function honoPeers(): Subject[] {
  return [
    bareHono,
    honoSessions("memory", "memory", () => new MemoryStore()),
    honoSessions("SQLite NORMAL", "SQLite", (path) => honoSqlite(path, "NORMAL")),
    { ...honoSessions("SQLite FULL", "SQLite", (path) => honoSqlite(path, "FULL")), inProcessOnly: true },
    {
      ...honoSessions("cookie", "cookie", () => new CookieStore(), { encryptionKey: secret }),
      inProcessOnly: true,
    },
    ownHonoSession("cookie", "cookie"),
    { ...ownHonoSession("Map", "memory"), inProcessOnly: true },
  ];
}
