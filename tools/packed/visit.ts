/** What `tools/pack.ts` runs in an empty project that has nothing but the packed package: every entry point, on Node and on Bun. */

import { type CarriedStore, createSessions, SessionError, type SessionStore } from "@sojourn/session";
import { CachedStore } from "@sojourn/session/cached";
import { run as commandLine } from "@sojourn/session/cli";
import { CookieStore } from "@sojourn/session/cookie";
import { DenoKvStore } from "@sojourn/session/deno-kv";
import { DjangoFileStore } from "@sojourn/session/django";
import { FileStore } from "@sojourn/session/file";
import { MemoryStore } from "@sojourn/session/memory";
import { RedisStore } from "@sojourn/session/redis";
import { SqliteStore } from "@sojourn/session/sqlite";
import { SessionClient, testStore } from "@sojourn/session/testing";

function equal(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`${what}: expected ${expected}, found ${found}`);
}

/** What `work` throws. */
async function error(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Two visits of one client, counted in `store`. */
async function countToTwo(name: string, store: SessionStore | CarriedStore): Promise<void> {
  const secrets = [crypto.getRandomValues(new Uint8Array(32))];
  const sessions = createSessions<{ visits: number }>({ store, secrets });
  const client = new SessionClient(sessions.wrap(async (request) => {
    const session = await request.session;
    return new Response(String(session.update("visits", (n = 0) => n + 1)));
  }));
  equal(await (await client.fetch("/")).text(), "1", name);
  equal(await (await client.fetch("/")).text(), "2", name);
  await sessions.close();
}

await countToTwo("memory", new MemoryStore());
await countToTwo("cached", new CachedStore(new MemoryStore(), new MemoryStore()));
await countToTwo("file", await FileStore.open("sessions"));
await countToTwo("sqlite", await SqliteStore.open("sessions.db"));
await countToTwo("cookie", new CookieStore({ revocation: "none" }));

// what needs a server, or another runtime, loads and says what it lacks
equal(await error(() => new RedisStore({} as never)) instanceof TypeError, true, "redis");
const missing = await error(() => DenoKvStore.open(":memory:"));
equal(missing instanceof SessionError && missing.code, "ERR_UNSUPPORTED", "deno-kv");
equal(typeof DjangoFileStore, "function", "django");
equal(typeof testStore, "function", "testing");

let printed = "";
const code = await commandLine(["secret"], {
  out: (text) => void (printed += text),
  err: (text) => void (printed += text),
  isTerminal: false,
  columns: 80,
  colours: false,
  now: Date.now,
  env: () => undefined,
});
equal(code, 0, `cli: ${printed}`);
equal(printed.trim().length >= 43, true, `cli: ${printed}`);
