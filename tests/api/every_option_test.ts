/** Every option of `createSessions`: its default works, its wrong values are refused with what was expected and received. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { type Codec, createSessions, type SessionsOptions, type SessionStore } from "../../mod.ts";
import { begin, fails, secrets, Site, Visitor } from "../support/fault_rig.ts";

const make = (options: Record<string, unknown>) =>
  createSessions({ store: new MemoryStore(), secrets, ...options } as SessionsOptions);

const noNumbers = ["60", true, {}, [], 60n, Symbol("x"), null];
const outOfRange = [0, -1, NaN, Infinity, -Infinity];
const noFunctions = [null, 1, "x", {}, true];
const noBooleans = [null, 0, 1, "true", {}];
const random = "k7Jd92mQx0PzVb31LrTyWcEuSaGhNf58";

const wrong: Record<string, readonly unknown[]> = {
  store: [undefined, null, 1, "memory", {}, [], () => {}, { load() {} }, MemoryStore],
  secrets: [
    undefined,
    null,
    [],
    "a bare string that is long enough to be one",
    new Uint8Array(32),
    {},
    [1],
    [null],
    [""],
    [
      "short",
    ],
    [new Uint8Array(31).map((_, i) => i)],
    [random, "short"],
    ["changeme".repeat(8)],
    ["  secret".padEnd(60)],
    [
      "x".repeat(64),
    ],
    [new Uint8Array(32)],
    [[random]],
  ],
  cookie: [null, "sid", 1, true, () => {}],
  "cookie.name": ["", "a b", "a=b", "a;b", "s\u00efd", 1, null, "a\r\nb"],
  "cookie.path": ["", "app", "/a;b", 1, null, "/\n"],
  "cookie.domain": ["", ".a.example", "a b", 1, null, "a;b", "a\n"],
  "cookie.sameSite": ["lax", "strict", "", true, false, null, 1],
  "cookie.secure": ["true", 1, 0, null],
  "cookie.partitioned": ["true", 1, 0, null],
  idleAge: [...noNumbers, ...outOfRange],
  anonymousIdleAge: [...noNumbers, ...outOfRange],
  absoluteAge: [...noNumbers.filter((value) => value !== null), ...outOfRange],
  rolling: noBooleans,
  saveEveryRequest: noBooleans,
  expireAtBrowserClose: noBooleans,
  asyncContext: noBooleans,
  schema: [null, {}, () => true, "x", { "~standard": { version: 2, validate() {} } }, {
    "~standard": { version: 1 },
  }],
  codec: [null, {}, JSON, "json", { encode() {} }, { decode() {} }, { encode: 1, decode: 2 }],
  maxBytes: [...noNumbers, ...outOfRange, 1.5],
  timeout: [...noNumbers, ...outOfRange, 1e9],
  onEvent: noFunctions,
  onError: noFunctions,
  now: [...noFunctions, 1_800_000_000_000, new Date(0)],
};

function shown(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 40) ?? String(value);
  } catch {
    return String(value);
  }
}

describe("createSessions", () => {
  for (const [path, values] of Object.entries(wrong)) {
    const [name, attribute] = path.split(".") as [string, string?];
    for (const value of values) {
      it(`refuses ${path}: ${typeof value} ${shown(value)}`, () => {
        const cookie = attribute === undefined ? {} : { name: "sid", [attribute]: value };
        const options = { [name]: attribute === undefined ? value : cookie };
        assert.throws(() => make(options), (error: Error) => {
          assert.ok(
            error instanceof TypeError || error instanceof RangeError,
            `${error.name}: ${error.message}`,
          );
          assert.ok(error.message.includes(path), error.message);
          assert.match(error.message, /: received \S/);
          assert.doesNotMatch(error.message, /k7Jd92|a bare string that/);
          return true;
        });
      });
    }
  }

  for (const value of [undefined, null, "x", 1]) {
    it(`refuses ${String(value)} for options`, () => {
      assert.throws(() => createSessions(value as never), TypeError);
    });
  }

  it("names an option that it does not know, also an inherited name, and those it does", () => {
    for (const name of ["idleage", "ttl", "secret", "toString", "constructor"]) {
      assert.throws(
        () => make({ [name]: 1 }),
        (error: Error) =>
          error instanceof TypeError && error.message.includes(`"${name}"`) &&
          error.message.includes("idleAge"),
      );
      assert.throws(
        () => make({ cookie: { [name]: 1 } }),
        (error: Error) =>
          error instanceof TypeError && error.message.includes(`"cookie.${name}"`) &&
          error.message.includes("cookie.sameSite"),
      );
    }
    assert.throws(() => make(JSON.parse('{"__proto__":1}')), TypeError);
  });

  it("says how to make a secret when there is none", () => {
    assert.throws(
      () => make({ secrets: [undefined] }),
      (error: Error) => error instanceof TypeError && /openssl rand/.test(error.message),
    );
    assert.throws(() => make({ secrets: undefined }), /openssl rand/);
  });

  it("names the methods that a store lacks", () => {
    const { load, create } = new MemoryStore();
    assert.throws(() => make({ store: { load, create } }), /save, delete/);
  });

  for (const method of ["touch", "clearExpired", "list", "onEvict", "close"]) {
    it(`refuses a store whose optional ${method} is no method, before the first request meets it`, () => {
      const store = Object.assign(Object.create(new MemoryStore()), { [method]: "yes" });
      assert.throws(() => make({ store }), TypeError);
    });
  }

  it("takes undefined for any option that has a default", () => {
    const names = Object.keys(wrong).filter((name) =>
      name !== "store" && name !== "secrets" && !name.includes(".")
    );
    make(Object.fromEntries(names.map((name) => [name, undefined])));
    make({ cookie: { name: undefined, path: undefined, domain: undefined, secure: undefined } });
  });

  it("refuses an age over ten years, which is one in milliseconds, and says so", () => {
    for (const name of ["idleAge", "anonymousIdleAge", "absoluteAge"]) {
      for (const value of [14 * 86_400_000, 315_619_201, 8.64e12]) {
        assert.throws(() => make({ [name]: value }), (error: Error) => {
          assert.ok(error instanceof RangeError);
          assert.match(
            error.message,
            new RegExp(`${name} .*ten years.* in seconds, not milliseconds: received`),
          );
          return true;
        });
      }
    }
  });

  it("takes null for absoluteAge, and every option at its edges", () => {
    make({ absoluteAge: null, idleAge: 0.001, maxBytes: 1, timeout: 0.001, anonymousIdleAge: 315_619_200 });
    make({ secrets: [random, crypto.getRandomValues(new Uint8Array(32)), "\u00e9\u20ac" + random] });
    make({ cookie: { name: "sid", secure: false } });
  });

  it("changes nothing that it was given, and what is changed later changes nothing", async () => {
    const secret = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
    const cookie = { name: "__Host-a" };
    const options = { store: new MemoryStore(), secrets: [secret], cookie, idleAge: 60 };
    const copy = structuredClone({ secrets: options.secrets, cookie, idleAge: 60 });
    const sessions = createSessions(options);
    assert.deepEqual({ secrets: options.secrets, cookie: options.cookie, idleAge: options.idleAge }, copy);
    createSessions(
      Object.freeze({
        ...options,
        cookie: Object.freeze({ ...cookie }),
        secrets: Object.freeze([secret]) as Uint8Array[],
      }),
    );
    const write = sessions.wrap(async (request) => {
      (await request.session).set("a", 1);
      return new Response();
    });
    const [field] = (await write(new Request("https://localhost/"))).headers.getSetCookie();
    secret.fill(9);
    options.secrets.push(new Uint8Array(3));
    cookie.name = "other";
    options.idleAge = 1;
    const read = sessions.wrap(async (request) => new Response(String((await request.session).get("a"))));
    const response = await read(
      new Request("https://localhost/", { headers: { cookie: field!.split(";")[0]! } }),
    );
    assert.match(field!, /^__Host-a=.*Max-Age=60$/);
    assert.equal(await response.text(), "1");
  });
});

describe("the codec option", () => {
  /** Keeps dates; its methods are methods: they need `this`. */
  class Dates implements Codec {
    readonly mark = "$date";
    encode(data: Record<string, unknown>): string {
      const { mark } = this;
      return JSON.stringify(data, function (key, value) {
        const raw = (this as Record<string, unknown>)[key];
        return raw instanceof Date ? { [mark]: raw.getTime() } : value;
      });
    }
    decode(text: string): Record<string, unknown> {
      return JSON.parse(
        text,
        (_, value) => value?.[this.mark] === undefined ? value : new Date(value[this.mark]),
      );
    }
  }

  it("carries what it says it can, nested changes included, and keeps its `this`", async () => {
    const site = new Site({ codec: new Dates() });
    const visitor = await begin(site, { at: new Date(5), list: [new Date(6)] });
    await visitor.visit((session) => {
      assert.deepEqual(session.get("at"), new Date(5));
      session.get("list")[0].setTime(7);
      session.get("at").setTime(8);
    });
    assert.deepEqual(await visitor.data(), { at: new Date(8), list: [new Date(7)] });
  });

  const refusing: Record<string, Partial<Codec>> = {
    "throws": {
      encode() {
        throw new Error("hunter2");
      },
    },
    "answers no text": { encode: () => 5 as never },
    "answers a promise": { encode: (() => Promise.resolve("{}")) as never },
    "answers nothing": { encode: () => undefined as never },
  };
  for (const [what, codec] of Object.entries(refusing)) {
    it(`whose encode ${what} is ERR_SERIALIZE at set`, async () => {
      const site = new Site({ codec: { encode: JSON.stringify, decode: JSON.parse, ...codec } });
      const session = await site.sessions.open();
      const error = await fails(() => session.set("a", 1), "ERR_SERIALIZE");
      assert.doesNotMatch(error.message, /hunter2/);
      assert.equal(session.size, 0);
    });
  }

  it("whose decode throws or answers no object is damage, not a crash", async () => {
    const answers = [
      () => {
        throw new Error("no");
      },
      () => null,
      () => 5,
      () => undefined,
      () => Promise.resolve({}),
    ];
    for (const decode of answers) {
      const site = new Site();
      const visitor = await begin(site);
      const other = new Site({
        store: site.store,
        codec: { encode: JSON.stringify, decode: decode as never },
      });
      const handler = other.sessions.wrap(async (request) =>
        new Response(String((await request.session).size))
      );
      const headers = { cookie: `__Host-sid=${visitor.cookie}` };
      const response = await handler(new Request("https://localhost/", { headers }));
      assert.equal(await response.text(), "0", String(decode));
      assert.deepEqual(other.eventTypes(), ["damaged"], String(decode));
    }
  });
});

describe("the other options", () => {
  it("now is the only clock: records carry its instants", async () => {
    const site = new Site();
    const visitor = await begin(site);
    const { record } = await site.stored(visitor.id);
    assert.equal(record!.createdAt, site.clock.now);
    assert.equal(record!.expiresAt, site.clock.now + 1_209_600_000);
  });

  it("onEvent that throws or rejects harms nobody", async () => {
    for (
      const onEvent of [() => Promise.reject(new Error("x")), () => {
        throw new Error("x");
      }]
    ) {
      const site = new Site({ onEvent });
      const visitor = new Visitor(site);
      assert.equal((await visitor.visit((session) => session.set("a", 1).size)).status, 200);
      assert.deepEqual(await visitor.data(), { a: 1 });
    }
  });

  it("a store handed in as a plain object works, without the optional methods", async () => {
    const inner = new MemoryStore();
    const store: SessionStore = {
      load: (key) => inner.load(key),
      create: (key, record) => inner.create(key, record),
      save: (key, record, version) => inner.save(key, record, version),
      delete: (key) => inner.delete(key),
    };
    const site = new Site({ store });
    const visitor = await begin(site, { a: 1 }, "ada");
    assert.deepEqual(await visitor.data(), { a: 1 });
    await fails(() => site.sessions.list("ada"), "ERR_UNSUPPORTED");
    await fails(() => site.sessions.revokeAll("ada"), "ERR_UNSUPPORTED");
    await fails(() => site.sessions.clearExpired(), "ERR_UNSUPPORTED");
    await site.sessions.close();
  });
});
