/** Session libraries that work on a `Request`: iron-session, React Router's storages and h3's, around the bare handler of the others. */

import { H3, useSession } from "h3";
import { getIronSession } from "iron-session";
import {
  createCookieSessionStorage,
  createMemorySessionStorage,
  createSessionStorage,
  type SessionStorage,
} from "react-router";
import { openSqlite } from "./clients.ts";
import { type Data, firstData, type Handler, type Opened, type Subject } from "./subject.ts";

const secret = "of no use outside of this bench: 9b1f3c";
const ok: Handler = () => new Response("ok");

const iron: Subject = {
  name: "iron-session",
  kind: "peer",
  keeps: "cookie",
  open() {
    const handler = (isWriting: boolean): Handler => async (request) => {
      // It writes its cookie to the headers of a response, which must exist before the response is known.
      const cookies = new Response();
      const session = await getIronSession<Data>(request, cookies, { password: secret, cookieName: "sid" });
      const { name } = session;
      if (name === undefined) Object.assign(session, firstData());
      else if (isWriting) session.visits!++;
      if (name === undefined || isWriting) await session.save();
      return new Response(String(name), cookies);
    };
    return { handlers: { N: ok, R: handler(false), W: handler(true) } };
  },
};

function reactRouter(
  name: string,
  keeps: NonNullable<Subject["keeps"]>,
  open: (path: string) => Promise<{ storage: SessionStorage; close?: () => void }>,
): Subject {
  return {
    name: `React Router, ${name}`,
    kind: "peer",
    keeps,
    async open({ path }) {
      const { storage, close } = await open(path());
      const handler = (isWriting: boolean): Handler => async (request) => {
        const session = await storage.getSession(request.headers.get("cookie"));
        const name = session.get("name");
        if (name === undefined) {
          for (const [key, value] of Object.entries(firstData())) session.set(key, value);
        } else if (isWriting) session.set("visits", session.get("visits") + 1);
        return name === undefined || isWriting
          ? new Response(name, { headers: { "set-cookie": await storage.commitSession(session) } })
          : new Response(name);
      };
      return { handlers: { N: ok, R: handler(false), W: handler(true) }, ...(close ? { close } : {}) };
    },
  };
}

const cookie = {
  name: "sid",
  secrets: [secret] as string[],
  httpOnly: true,
  secure: true,
  sameSite: "lax",
  path: "/",
} as const;

/** A storage over SQLite, as an application would write it after the documentation. */
async function reactRouterSqlite(path: string) {
  const database = await openSqlite(path, "NORMAL");
  database.exec("CREATE TABLE sessions (id TEXT PRIMARY KEY, data TEXT, expires INTEGER)");
  const select = database.prepare("SELECT data FROM sessions WHERE id = ?");
  const insert = database.prepare("INSERT INTO sessions (id, data, expires) VALUES (?, ?, ?)");
  const update = database.prepare("UPDATE sessions SET data = ?, expires = ? WHERE id = ?");
  const remove = database.prepare("DELETE FROM sessions WHERE id = ?");
  const storage = createSessionStorage({
    cookie: { ...cookie, maxAge: 1_209_600 },
    createData(data, expires) {
      const id = crypto.randomUUID();
      insert.run(id, JSON.stringify(data), expires?.getTime() ?? null);
      return Promise.resolve(id);
    },
    readData(id) {
      const row = select.get(id) as { data: string } | undefined | null;
      return Promise.resolve(row ? JSON.parse(row.data) : null);
    },
    updateData: (id, data, expires) =>
      Promise.resolve(void update.run(JSON.stringify(data), expires?.getTime() ?? null, id)),
    deleteData: (id) => Promise.resolve(void remove.run(id)),
  });
  return { storage, close: () => database.close() };
}

function h3Application(route?: (isWriting: boolean) => Parameters<H3["get"]>[1]): Opened["handlers"] {
  const handler = (isWriting: boolean | undefined): Handler => {
    const app = new H3().get("/", isWriting === undefined || !route ? () => "ok" : route(isWriting));
    return (request) => app.fetch(request);
  };
  return { N: handler(undefined), R: handler(false), W: handler(true) };
}

const h3: Subject = {
  name: "h3 useSession",
  kind: "peer",
  bare: "h3, bare",
  keeps: "cookie",
  open: () => ({
    handlers: h3Application((isWriting) => async (event) => {
      const session = await useSession<Partial<Data>>(event, { password: secret, name: "sid" });
      const { name, visits } = session.data;
      if (name === undefined) await session.update(firstData());
      else if (isWriting) await session.update({ visits: visits! + 1 });
      return String(name);
    }),
  }),
};

/** All of them. */
export function fetchPeers(): Subject[] {
  const withN = [
    { name: "h3, bare", kind: "bare", open: () => ({ handlers: h3Application() }) },
    h3,
  ] satisfies Subject[];
  const withoutN = [
    iron,
    reactRouter(
      "memory",
      "memory",
      () => Promise.resolve({ storage: createMemorySessionStorage({ cookie }) }),
    ),
    reactRouter("SQLite NORMAL", "SQLite", reactRouterSqlite),
    reactRouter(
      "cookie",
      "cookie",
      () => Promise.resolve({ storage: createCookieSessionStorage({ cookie }) }),
    ),
  ];
  // An untouched request does not call them at all
  return [...withN, ...withoutN.map((one) => ({ ...one, only: ["R", "W"] as const }))];
}
