/** What is measured: handlers of the three scenarios, bare, written by hand, and with this library's stores. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CookieStore } from "../backends/cookie.ts";
import { MemoryStore } from "../backends/memory.ts";
import { SqliteStore } from "../backends/sqlite.ts";
import { createSessions, type SessionsOptions } from "../mod.ts";

/** N: the session is never touched. R: one value is read. W: one value is read and one is written. */
export type Scenario = "N" | "R" | "W";

export type Handler = (request: Request) => Response | Promise<Response>;

/** One thing to measure. */
export interface Subject {
  readonly name: string;
  /** The handler of a scenario. */
  handler(scenario: Scenario): Handler;
}

const bare: Subject = { name: "bare handler", handler: () => () => new Response("ok") };

const bareAsync: Subject = {
  name: "bare async handler",
  // deno-lint-ignore require-await -- the point is the promise
  handler: () => async () => new Response("ok"),
};

/** The physical limit: the same cookie, look-up, JSON and headers with no library at all. */
const byHand: Subject = {
  name: "by hand, Map",
  handler(scenario) {
    const records = new Map<string, string>();
    return (request) => {
      if (scenario === "N") return new Response("ok");
      const header = request.headers.get("cookie");
      const at = header === null ? -1 : header.indexOf("__Host-sid=");
      const id = at < 0 ? undefined : header!.slice(at + 11, at + 11 + 76);
      const text = id === undefined ? undefined : records.get(id);
      const data = text === undefined ? { visits: 0, name: "Ann" } : JSON.parse(text);
      const response = new Response(String(data.name));
      response.headers.append("vary", "Cookie");
      response.headers.append("cache-control", "private, no-cache");
      if (scenario === "W" || text === undefined) {
        data.visits++;
        const made = id ?? "x".repeat(76);
        records.set(made, JSON.stringify(data));
        if (text === undefined) {
          response.headers.append("set-cookie", `__Host-sid=${made}; Path=/; Secure; HttpOnly; SameSite=Lax`);
        }
      }
      return response;
    };
  },
};

const secrets = ["of no use outside of this bench: 9b1f3c"];

/** Sessions in a store, around the same handler. */
function sojourn(name: string, store: () => SessionsOptions["store"], isSync = false): Subject {
  return {
    name,
    handler(scenario) {
      const sessions = createSessions<{ visits: number; name: string }>({ store: store(), secrets });
      if (scenario === "N") {
        return isSync
          ? sessions.wrap(() => new Response("ok"))
          // deno-lint-ignore require-await -- the point is the promise
          : sessions.wrap(async () => new Response("ok"));
      }
      return sessions.wrap(async (request) => {
        const session = await request.session;
        const name = session.get("name");
        if (name === undefined) session.set("name", "Ann");
        if (scenario === "W") session.update("visits", (n = 0) => n + 1);
        return new Response(String(name));
      });
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
let files = 0;
const file = () => join(folder, `${++files}.db`);

/** Everything to measure. The first one is what the others are compared with. */
export async function subjects(): Promise<Subject[]> {
  const sqlite = async (synchronous: "FULL" | "NORMAL") => {
    const stores: SqliteStore[] = [];
    for (let i = 0; i < 3; i++) stores.push(await SqliteStore.open(file(), { synchronous }));
    return () => stores.pop()!;
  };
  return [
    bare,
    bareAsync,
    byHand,
    sojourn("sojourn, memory, sync", () => new MemoryStore(), true),
    sojourn("sojourn, memory", () => new MemoryStore()),
    sojourn("sojourn, SQLite NORMAL", await sqlite("NORMAL")),
    sojourn("sojourn, SQLite FULL", await sqlite("FULL")),
    sojourn("sojourn, sealed cookie", () => new CookieStore({ revocation: "none" })),
  ];
}
