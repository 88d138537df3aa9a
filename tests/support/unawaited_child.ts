/** Calls whatever gives a promise and waits for none; then says what became of them, so that a run that ends early shows. */

import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CachedStore } from "../../backends/cached.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import { DjangoFileStore } from "../../backends/django.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type SessionStore } from "../../mod.ts";
import { secret } from "./identity_rig.ts";
import { listen } from "./live_server.ts";

const kept: [string, Promise<unknown>][] = [];
/** Keeps what was given, without a handler: the list is looked at when all had time to fail. */
function give(name: string, run: () => unknown): void {
  try {
    const given = run();
    if (given instanceof Promise) kept.push([name, given]);
  } catch {
    // A call that throws gives no promise.
  }
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

/** A store that works until it is told to fail. */
let fails = false;
function failing(): SessionStore {
  const store = new MemoryStore() as unknown as Record<string, (...args: unknown[]) => unknown>;
  return new Proxy(store, {
    get(_, name: string) {
      const method = store[name];
      if (typeof method !== "function") return method;
      if (name === "onEvict") return method.bind(store); // gives nothing, and so no promise either
      return (...args: unknown[]) =>
        fails ? Promise.reject(new Error(`no ${name}`)) : Promise.resolve(method.apply(store, args));
    },
  }) as unknown as SessionStore;
}

const make = () => createSessions({ store: failing(), secrets: [secret(1)] });
const sessions = make();
const stranger = () => new Request("https://site.test/");
const known = new Request("https://site.test/", { headers: { cookie: "__Host-sid=none" } });

const open = await sessions.open();
open.login("käthe");
await open.save();
const id = open.id!;
const after = await Promise.all(["save", "flush", "logout"].map(async () => {
  let kept: Awaited<ReturnType<typeof sessions.open>> | undefined;
  await sessions.wrap(async (request) => {
    kept = await request.session;
    kept.set("mark", "Grüße");
    return new Response();
  })(stranger());
  return kept!;
}));
const signed = await sessions.wrap(async (request) => {
  (await request.session).set("mark", 1);
  return new Response();
})(known);
const cookie = signed.headers.getSetCookie()[0]!.split(";")[0]!;

fails = true;
give("save", () => open.set("mark", 1).save());
await turn();
give("flush", () => open.flush());
await turn();
give("logout", () => open.logout());
give("save after the answer", () => after[0]!.save());
give("flush after the answer", () => after[1]!.flush());
give("logout after the answer", () => after[2]!.logout());
give("get", () => sessions.get(stranger()));
give("get nothing", () => sessions.get(undefined as never));
give("headersFor", () => sessions.headersFor(stranger()));
give("open", () => sessions.open(id));
give("list", () => sessions.list("käthe"));
give("list of another's", () => sessions.list("käthe", { current: {} as never }));
give("revoke", () => sessions.revoke("0".repeat(64)));
give("revokeAll", () => sessions.revokeAll("käthe"));
give("clearExpired", () => sessions.clearExpired());
give("clearExpired with a wrong limit", () => sessions.clearExpired({ limit: -1 }));
give("clearExpired that was stopped", () => sessions.clearExpired({ signal: AbortSignal.abort() }));
await sessions.wrap((request) => {
  give("request.session", () => request.session);
  give("headersFor a failing session", () => sessions.headersFor(request));
  return new Response();
})(new Request("https://site.test/", { headers: { cookie } }));
give("close", () => make().close());
give("asyncDispose", () => make()[Symbol.asyncDispose]());

// Whatever a store gives for arguments that are none, before and after its end.
const folder = mkdtempSync(join(tmpdir(), "sojourn-unawaited-"));
const client = { isOpen: true, sendCommand: () => Promise.reject(new Error("no Redis")), duplicate() {} };
const stores: [string, () => unknown][] = [
  ["FileStore", () => FileStore.open(folder)],
  ["SqliteStore", () => SqliteStore.open(join(folder, "sessions.db"))],
  ["CachedStore", () => new CachedStore(new MemoryStore(), failing())],
  ["RedisStore", () => new RedisStore(client as never)],
  ["MemoryStore", () => new MemoryStore()],
  ["DjangoFileStore", () => DjangoFileStore.open(folder)],
  ["DenoKvStore", () =>
    new DenoKvStore({
      get: () => Promise.reject(new Error("no KV")),
      getMany: () => Promise.reject(new Error("no KV")),
      list: () => {
        throw new Error("no KV");
      },
      atomic: () => {
        throw new Error("no KV");
      },
      close() {
        throw new Error("no KV");
      },
    } as never)],
];
for (const [name, open] of stores) {
  let store: Record<PropertyKey, unknown>;
  try {
    store = await open() as never;
  } catch (error) {
    console.log(`${name}: cannot be opened: ${error}`);
    continue;
  }
  for (const round of ["open", "closed"]) {
    for (const method of Reflect.ownKeys(Object.getPrototypeOf(store))) {
      if (method === "constructor" || method === "close" && round === "open") continue;
      if (typeof store[method] !== "function") continue;
      for (const args of [[], [NaN, NaN, NaN, NaN], ["key", { data: 1 }, "1"], ["a", "b", undefined, "1"]]) {
        give(
          `${name}.${String(method)} ${round}`,
          () => (store[method] as (...args: unknown[]) => unknown)(...args),
        );
      }
    }
    await turn();
    await Promise.allSettled([(store["close"] as () => unknown)?.()]);
  }
}
for (
  const [name, open] of Object.entries({
    FileStore: () => FileStore.open(""),
    SqliteStore: () => SqliteStore.open(join(folder, "none", "none.db")),
    DenoKvStore: () => DenoKvStore.open(42 as never),
  })
) give(`${name}.open`, open);

// A visitor who closes the tab: the stream tries to save what nobody waits for.
fails = false;
const { promise: left, resolve: leave } = Promise.withResolvers<void>();
await using server = listen(sessions.wrap(async (request) => {
  const session = await request.session;
  return new Response(
    new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("Grüße ".repeat(1000))),
      cancel() {
        give("save in cancel", () => session.save());
        give("flush in cancel", () => session.flush());
        give("logout in cancel", () => session.logout());
        leave();
      },
    }),
  );
}));
const tab = connect(server.port, "127.0.0.1");
tab.write("GET / HTTP/1.1\r\nhost: site.test\r\n\r\n");
tab.once("data", () => tab.destroy());
await left;

for (let i = 0; i < 10; i++) await turn();
for (const [name, promise] of kept) {
  const [outcome] = await Promise.allSettled([promise]);
  const { code, name: kind } = outcome.status === "rejected"
    ? outcome.reason
    : { code: "fulfilled", name: "" };
  console.log(`${name}: ${typeof code === "string" ? code : kind}`);
}
rmSync(folder, { recursive: true, force: true });
console.log("done");
process.exit(0);
