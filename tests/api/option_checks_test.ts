/** Everything that takes options, in one table: what all of it refuses, in the same words, and what it reads. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, describe, it } from "node:test";
import { CachedStore } from "../../backends/cached.ts";
import { CookieStore } from "../../backends/cookie.ts";
import { DenoKvStore } from "../../backends/deno_kv.ts";
import * as django from "../../backends/django.ts";
import { FileStore } from "../../backends/file.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions } from "../../mod.ts";
import { SessionClient, testStore } from "../../src/testing.ts";
import { DjangoSite } from "../support/django/site.ts";
import { shaped } from "../support/redis/clients.ts";
import { connect } from "../support/sqlite/rig.ts";

type Values = Record<string, unknown>;
interface Target {
  /** Who refuses, if not the one that the entry is named after. */
  readonly by?: string;
  /** Every option with a value that is taken, in the order of the messages. */
  readonly all: Values;
  /** What cannot be left out. */
  readonly needed?: Values;
  readonly make: (options: never) => unknown;
}

const folder = mkdtempSync(`${tmpdir()}/options-`);
const secret = crypto.getRandomValues(new Uint8Array(32));
const store = new MemoryStore();
const client = shaped(() => Promise.resolve(null));
const kv = { get() {}, list() {}, atomic() {}, close() {} } as never;
const site = new DjangoSite();
const nothing = () => {};
const shared = { schema: { "~standard": { version: 1, validate: nothing } }, timeout: 1, onEvent: nothing };
const more = { onError: nothing, asyncContext: false, now: Date.now };
const cookie = {
  name: "sid",
  path: "/",
  domain: "a.test",
  sameSite: "Lax",
  secure: true,
  partitioned: false,
};

const targets: Record<string, Target> = {
  createSessions: {
    all: {
      store,
      secrets: [secret],
      cookie: {},
      idleAge: 60,
      anonymousIdleAge: 60,
      absoluteAge: 60,
      rolling: true,
      saveEveryRequest: false,
      expireAtBrowserClose: false,
      stampOf: nothing,
      maxSessionsPerUser: 5,
      codec: { encode: nothing, decode: nothing },
      maxBytes: 1_000,
      ...shared,
      ...more,
    },
    needed: { store, secrets: [secret] },
    make: createSessions,
  },
  MemoryStore: { all: { maxEntries: 5, now: Date.now }, make: (options) => new MemoryStore(options) },
  SqliteStore: {
    all: { synchronous: "FULL", timeout: 1, table: "a", now: Date.now },
    make: (options) => new SqliteStore(connect(":memory:"), options),
  },
  "SqliteStore.open": {
    by: "SqliteStore",
    all: { synchronous: "NORMAL", timeout: 1, table: "a", now: Date.now },
    make: (options) => SqliteStore.open(":memory:", options),
  },
  "FileStore.open": {
    by: "FileStore",
    all: { durability: "os", timeout: 1, now: Date.now },
    make: (options) => FileStore.open(`${folder}/files`, options),
  },
  RedisStore: {
    all: { prefix: "a:", timeout: 1, maxWaiting: 5, cluster: false, now: Date.now },
    make: (options) => new RedisStore(client, options),
  },
  DenoKvStore: {
    all: { prefix: "a", timeout: 1, now: Date.now },
    make: (options) => new DenoKvStore(kv, options),
  },
  CachedStore: {
    all: { staleness: 1, timeout: 1, now: Date.now },
    make: (options) => new CachedStore(store, store, options),
  },
  CookieStore: {
    all: { revocation: "none", chunks: 2, maxHeaderBytes: 2_000, seal: true },
    needed: { revocation: "none" },
    make: (options) => new CookieStore(options),
  },
  djangoSessions: {
    all: {
      secretKey: "k",
      secretKeyFallbacks: ["l"],
      store: site.store,
      engine: undefined,
      sessionCookieName: "sid",
      sessionCookieAge: 60,
      sessionCookieDomain: ".a.test",
      sessionCookiePath: "/",
      sessionCookieSecure: false,
      sessionCookieHttponly: true,
      sessionCookieSamesite: false,
      sessionSaveEveryRequest: false,
      sessionExpireAtBrowserClose: false,
      useTz: true,
      ...shared,
      ...more,
    },
    needed: { secretKey: "k", store: site.store },
    make: django.djangoSessions,
  },
  DjangoDbStore: {
    all: { useTz: true, timeout: 1, table: "django_session", dialect: undefined },
    make: (options) => new django.DjangoDbStore(site.database, options),
  },
  DjangoFileStore: {
    all: { cookieName: "sid", timeout: 1 },
    make: (options) => django.DjangoFileStore.open(folder, options),
  },
  DjangoCacheStore: {
    all: { keyPrefix: "a", version: 1, timeout: 1 },
    make: (options) => new django.DjangoCacheStore(client, options),
  },
  DjangoCachedDbStore: {
    all: { keyPrefix: "a", version: 1, timeout: 1 },
    make: (options) => new django.DjangoCachedDbStore(site.store, new Map() as never, options),
  },
  adoptDjango: {
    all: { cookieName: "sid" },
    make: (options) => django.adoptDjango(store, options),
  },
  testStore: {
    all: {
      maxBytes: 5,
      runs: 1,
      seed: 1,
      expiresAlone: true,
      without: ["touch"],
      reopen: nothing,
      fail: nothing,
      damage: nothing,
      register: nothing,
    },
    needed: { register: nothing },
    make: (options) => testStore("a", () => new MemoryStore(), options),
  },
  SessionClient: { all: { now: Date.now }, make: (options) => new SessionClient(nothing as never, options) },
  cookie: {
    by: "createSessions",
    all: cookie,
    needed: { name: "sid" },
    make: (cookie) => createSessions({ store, secrets: [secret], cookie }),
  },
};
/** Where `null` is a value. */
const nullable = ["absoluteAge", "sessionCookieDomain"];

describe("the options of", () => {
  after(() => {
    site.database.close();
    rmSync(folder, { recursive: true });
  });

  for (const [title, { by = title, all, needed = {}, make }] of Object.entries(targets)) {
    const [what, dot] = title === "cookie" ? ["cookie", "cookie."] : ["options", ""];
    const names = Object.keys(all);
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    /** Makes it, and puts it away again. */
    const made = async (options: unknown) => {
      const one = await make(options as never) as { close?(): unknown } | undefined;
      if (one instanceof SqliteStore || one instanceof FileStore) await one.close();
    };
    const refuses = (options: unknown, name: string, message: string | RegExp) =>
      assert.rejects(made(options), { name, message }, `${title} ${String(message)}`);

    it(`${title}: an unknown name is refused, with the one that was meant and all there are`, async () => {
      const known = `known options: ${names.map((name) => dot + name).join(", ")}`;
      const said = (name: string, hint: string) =>
        `${by}: unknown option ${JSON.stringify(dot + name)}${hint}; ${known}`;
      for (const name of names) {
        const snake = name.replace(/[A-Z]/g, "_$&").toUpperCase();
        for (const typo of [name + name.at(-1), `_${name}`, snake === name ? `${name}-` : snake]) {
          const hint = ` (did you mean "${dot}${name}"?)`;
          await refuses({ ...needed, [typo]: all[name] }, "TypeError", said(typo, hint));
        }
      }
      for (const name of ["hunter2hunter2", "toString", "constructor", "__proto__", "", '"\n']) {
        const options = JSON.parse(`{${JSON.stringify(name)}: 1}`);
        await refuses(Object.assign(Object.create(null), needed, options), "TypeError", said(name, ""));
        await refuses(options, "TypeError", said(name, ""));
      }
      await refuses({ [`${"long ".repeat(5_000)}`]: 1 }, "TypeError", said("long ".repeat(16), ""));
    });

    it(`${title}: what is no plain object is refused, and nothing inherited is an option`, async () => {
      class Settings {}
      const of = (prototype: object) => Object.assign(Object.create(prototype), needed);
      for (
        const [options, received] of [
          [null, "null"],
          [[], "an empty array"],
          [[{}], "an array"],
          ["hunter2", "a string"],
          [5, "5"],
          [nothing, "a function"],
          [Promise.resolve({}), "a promise (await it)"],
          [Symbol("hunter2"), "a symbol"],
          [new Map(), "an object"],
          [new Settings(), "an object"],
          [of({ [names[0]!]: all[names[0]!] }), "an object"],
          [of(Object.create(null)), "an object"],
        ]
      ) {
        const message = `${by}: ${what} must be a plain object: received ${received}`;
        await refuses(options, "TypeError", message);
      }
      const prototype: Values = Object.prototype as unknown as Values;
      for (const [name] of given) {
        if (name in needed) continue;
        prototype[name] = Symbol("polluted");
        let making: unknown;
        try {
          making = make({ ...needed } as never);
        } finally {
          delete prototype[name];
        }
        const one = await making;
        if (one instanceof SqliteStore || one instanceof FileStore) await one.close();
      }
    });

    it(`${title}: a value of another type is a TypeError that shows none of it`, async () => {
      for (const name of names) {
        const values: unknown[] = [Symbol("hunter2"), 5n, { hunter2: 1 }, ["hunter2"]];
        if (!nullable.includes(name)) values.push(null);
        if (typeof all[name] !== "string") values.push("hunter2 ".repeat(5), "", "2");
        if (typeof all[name] !== "number") values.push(7);
        if (typeof all[name] !== "boolean") values.push(true);
        for (const value of values) {
          if (value === true && name === "sessionCookieSamesite") continue;
          if (name === "cookie" || name.startsWith("secret")) continue; // what is in them has messages of its own
          const error = await made({ ...needed, [name]: value }).then(
            () => assert.fail(name),
            (error) => error,
          );
          assert.ok(error instanceof TypeError, `${name}: ${String(error)}`);
          assert.ok(error.message.startsWith(`${by}: ${dot}${name} must be `), error.message);
          assert.match(error.message, /: received (an? [a-z]|null$|true$|7$|"2"$|""$)/);
          assert.doesNotMatch(error.message, /hunter2/);
        }
      }
    });

    it(`${title}: a number beyond its limits is a RangeError, with what was received`, async () => {
      for (const [name, value] of given) {
        if (typeof value !== "number") continue;
        for (const wrong of [NaN, -1, -Infinity, 1e300, 86_400 * 3_653_001]) {
          if (wrong === 86_400 * 3_653_001 && !/timeout|Age$|staleness|chunks/.test(name)) continue;
          if (wrong > 0 && wrong < 1e300 && name === "sessionCookieAge") continue;
          const message = new RegExp(
            `^${by}: ${name} must be a .*: received ${String(wrong).replace("+", "\\+")}$`,
          );
          await refuses({ ...needed, [name]: wrong }, "RangeError", message);
        }
      }
    });

    it(`${title}: each is read once, and what a getter or a proxy throws comes through`, async () => {
      const boom = new Error("boom");
      const throws = () => {
        throw boom;
      };
      for (const [name, value] of given) {
        let reads = 0;
        const get = () => ++reads === 1 ? value : Symbol("another");
        await made(Object.defineProperty({ ...needed }, name, { get, enumerable: true, configurable: true }));
        assert.equal(reads, 1, name);
        const options = Object.defineProperty({ ...needed }, name, { get: throws, enumerable: true });
        await assert.rejects(made(options), (error) => error === boom, name);
      }
      await made(new Proxy({ ...needed }, {}));
      for (const trap of ["ownKeys", "getPrototypeOf", "get"]) {
        const options = new Proxy(Object.fromEntries(given), { [trap]: throws });
        await assert.rejects(made(options), (error) => error === boom, trap);
      }
    });

    it(`${title}: all of them together are taken, from an object that is frozen or has no prototype`, async () => {
      const options = Object.fromEntries(given);
      await made(Object.freeze(options));
      await made(Object.assign(Object.create(null), options));
      await made({ ...Object.fromEntries(names.map((name) => [name, undefined])), ...needed });
    });

    if ("timeout" in all) {
      it(`${title}: timeout is more than 0 and at most a day`, async () => {
        const limits = "timeout must be a number of seconds, above 0 and at most 86400";
        for (const timeout of [1e-9, 86_400]) await made({ ...needed, timeout });
        for (const timeout of [0, 86_400.001]) {
          await refuses({ ...needed, timeout }, "RangeError", `${by}: ${limits}: received ${timeout}`);
        }
        await refuses({ ...needed, timeout: "2" }, "TypeError", `${by}: ${limits}: received a string`);
        const known = /unknown option "timeuot" \(did you mean "timeout"\?\); known options: /;
        await refuses({ ...needed, timeuot: 2 }, "TypeError", known);
      });
    }
  }
});
