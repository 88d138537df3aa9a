import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, it } from "node:test";
import { createSessions, SessionError, type SessionEvent, type SessionStore } from "../../mod.ts";
import { CookieStore } from "../../backends/cookie.ts";
import { MemoryStore } from "../../backends/memory.ts";
import { Events } from "../../src/events.ts";
import { CallGuard, GuardedStore } from "../../src/guard/call_guard.ts";
import { storageKey } from "../../src/crypto/session_id.ts";
import { begin, makeSite, secret, type Site, SpyStore, writes } from "../support/identity_rig.ts";

const phases = ["start", "end", "error", "asyncStart", "asyncEnd"];
const nameOf = (phase: string) => `tracing:sojourn:store:${phase}`;

interface Heard {
  readonly phase: string;
  readonly call: { operation: string; tag?: string; duration?: number; error?: string };
  /** As it was when it was told. */
  readonly shown: string;
}

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

function on(name: string, listener: (message: unknown) => unknown): void {
  subscribe(name, listener);
  endings.push(() => void unsubscribe(name, listener));
}

/** All that is told about store calls from now on. */
function listen(): Heard[] {
  const heard: Heard[] = [];
  for (const phase of phases) {
    on(nameOf(phase), (call) => {
      heard.push({ phase, call: call as Heard["call"], shown: JSON.stringify(call) });
    });
  }
  return heard;
}

/** What is told after an answer takes a few turns. */
async function quiet(heard: readonly Heard[], calls: number): Promise<void> {
  const ended = () => heard.filter(({ phase }) => phase === "asyncEnd").length;
  for (let turn = 0; turn < 1000 && ended() < calls; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.equal(ended(), calls);
}

function linesOf(heard: readonly Heard[]): string[] {
  return heard.map(({ phase, call }) => `${call.operation} ${phase}`);
}

const wholly = (operation: string, isFailed = false) =>
  ["start", "end", ...(isFailed ? ["error"] : []), "asyncStart", "asyncEnd"].map((phase) =>
    `${operation} ${phase}`
  );

/** A session from its beginning to its end; the cookie that it had last. */
async function life(site: Site): Promise<string> {
  let cookie = `__Host-sid=${await begin(site, "canary")}`;
  const carry = (response: Response) => {
    const field = response.headers.getSetCookie()[0];
    if (field !== undefined) cookie = field.split(";", 1)[0]!;
  };
  carry(await site.visit(cookie, writes("canary 2")));
  carry(await site.visit(cookie, (session) => session.login("canary-user")));
  site.clock.now += 7_200_000;
  carry(await site.visit(cookie));
  await site.sessions.list("canary-user");
  await site.visit(cookie, (session) => session.logout());
  return cookie;
}

/** The calls of `life`, each in its order; a log-in counts the user's sessions. */
const lived = ["create", "load", "save", "load", "save", "list", "load", "touch", "list", "load", "delete"];

describe("SR-070 the channel of store calls", () => {
  it("tells each call from its start to its end, also where the store answers at once", async () => {
    for (const isSync of [true, false]) {
      const heard = listen();
      const site = makeSite({ store: isSync ? new SpyStore() : slow(new MemoryStore()) });
      await life(site);
      await quiet(heard, lived.length);
      const ofCall = (call: object) => heard.filter((one) => one.call === call);
      const calls = [...new Set(heard.map(({ call }) => call))];
      assert.deepEqual(calls.map(({ operation }) => operation), lived);
      for (const call of calls) {
        assert.deepEqual(linesOf(ofCall(call)), wholly(call.operation), `sync ${isSync}`);
      }
      for (const end of endings.splice(0)) end();
    }
  });

  it("tells the operation, the tag of the events and the duration, and nothing else", async () => {
    const heard = listen();
    const site = makeSite();
    const id = (await life(site)).slice("__Host-sid=".length, "__Host-sid=".length + 32);
    await quiet(heard, lived.length);
    const tags = new Set(site.events.map(({ tag }) => tag).filter((tag) => tag !== undefined));
    for (const { phase, call, shown } of heard) {
      const keys = phase === "start" || phase === "end" ? ["operation"] : ["operation", "duration"];
      const { tag, ...others } = JSON.parse(shown);
      for (const key of keys) assert.ok(key in others, `${phase} has no ${key}`);
      assert.deepEqual(
        Object.keys(others).filter((key) => !["operation", "duration"].includes(key)),
        [],
        phase,
      );
      if (phase === "asyncEnd") {
        assert.equal(tag !== undefined, call.operation !== "list", "the tag is there at the end");
        assert.ok(call.duration! >= 0 && call.duration! < 60_000);
      }
      if (tag !== undefined) assert.ok(tags.has(tag), `${phase} of ${call.operation}`);
      assert.match(id, /^[\w-]{32}$/);
      for (const text of ["canary", id, await storageKey(id)]) assert.ok(!shown.includes(text));
    }
  });

  it("tells failures by their code alone: a driver's error may quote what it was given", async () => {
    const site = makeSite();
    const mine = `__Host-sid=${await begin(site, "x")}`;
    site.store.fault = (method, [key]) => {
      throw new Error(`${method} ${key} failed`);
    };
    const heard = listen();
    assert.equal((await site.visit(mine)).status, 503);
    await quiet(heard, 1);
    assert.deepEqual(linesOf(heard), wholly("load", true));
    const [key] = site.store.calls.at(-1)!.args as [string];
    for (const { phase, call, shown } of heard) {
      if (phase !== "start" && phase !== "end") assert.equal(call.error, "ERR_STORE");
      assert.ok(!shown.includes(key));
    }
  });

  it("tells a call that does not end in time, and one whose answer is nonsense", async () => {
    const heard = listen();
    const store = {
      load: () => new Promise(() => {}),
      delete: () => "no answer",
    } as unknown as SessionStore;
    const guarded = new GuardedStore(store, new CallGuard(0.02, quietEvents()));
    await assert.rejects(async () => await guarded.load("a"), SessionError);
    assert.throws(() => guarded.delete("a"), SessionError);
    await quiet(heard, 2);
    assert.deepEqual(linesOf(heard), [...wholly("load", true), ...wholly("delete", true)]);
    assert.ok(heard.find(({ phase }) => phase === "asyncEnd")!.call.duration! >= 15);
  });

  it("keeps the answer of a store that answers at once as it is, heard or not", async () => {
    const guarded = new GuardedStore(new MemoryStore(), new CallGuard(2, quietEvents()));
    assert.equal(guarded.delete("a".repeat(64)), false);
    const heard = listen();
    assert.equal(guarded.delete("a".repeat(64)), false);
    await quiet(heard, 1);
  });

  it("tells nothing of a request whose session nobody uses, and nothing when nobody listens", async () => {
    const heard = listen();
    const site = makeSite();
    await site.sessions.wrap(() => new Response())(new Request("https://site.test/"));
    assert.deepEqual(heard, []);
    for (const end of endings.splice(0)) end();
    await life(site);
    assert.deepEqual(heard, []);
  });

  it("has the calls of stampOf, of notBefore and of the housekeeping", async () => {
    const heard = listen();
    const store = new MemoryStore();
    const site = makeSite({ store, stampOf: () => "stamp" });
    const response = await site.visit(undefined, (session) => session.login("ada", { stamp: "stamp" }));
    await site.visit(response.headers.getSetCookie()[0]!.split(";", 1)[0]);
    await site.sessions.clearExpired();
    await site.sessions.close();
    const sealed = makeSite({ store: new CookieStore({ revocation: { notBefore: () => 0 } }) });
    const other = await sealed.visit(undefined, (session) => session.login("ada"));
    await sealed.visit(other.headers.getSetCookie()[0]!.split(";", 1)[0]);
    await quiet(heard, heard.filter(({ phase }) => phase === "start").length);
    const started = new Set(
      heard.filter(({ phase }) => phase === "start").map(({ call }) => call.operation),
    );
    for (const operation of ["stampOf", "notBefore", "clearExpired", "close"]) {
      assert.ok(started.has(operation), operation);
    }
  });
});

describe("SR-070 the channel of events", () => {
  it("tells what onEvent is told, with it and without it", async () => {
    const heard: SessionEvent[] = [];
    on("sojourn:event", (event) => heard.push(event as SessionEvent));
    const site = makeSite();
    await life(site);
    assert.deepEqual(site.events.map(({ type }) => type), ["created", "login", "touched", "ended"]);
    assert.deepEqual(heard, site.events);
    const types = heard.splice(0).map(({ type }) => type);
    const sessions = createSessions({ store: site.store, secrets: [secret(1)], now: () => site.clock.now });
    await life({ ...site, sessions, visit: visiting(sessions) });
    assert.deepEqual(heard.map(({ type }) => type), types);
    for (const event of heard) assert.match(event.tag!, /^[0-9a-f]{8}$/);
  });
});

describe("SR-070 who listens harms nobody", () => {
  const listeners: Record<string, (message: unknown) => unknown> = {
    throws: () => {
      throw new Error("listener");
    },
    rejects: () => Promise.reject(new Error("listener")),
    hangs: () => new Promise(() => {}),
    "changes what it is told": (message) => {
      Object.assign(message as object, { operation: "x", type: "x", duration: "x", tag: "x" });
    },
    "stops listening": () => {
      for (const end of endings.splice(0)) end();
    },
  };
  for (const [what, listener] of Object.entries(listeners)) {
    it(`a listener that ${what}`, async () => {
      const told = { count: 0 };
      for (const name of ["sojourn:event", ...phases.map(nameOf)]) {
        on(name, (message) => {
          told.count++;
          return listener(message);
        });
      }
      const site = makeSite();
      await life(site);
      assert.deepEqual(site.events.map(({ type }) => type), [
        "created",
        "login",
        "touched",
        "ended",
      ]);
      assert.ok(told.count > 0);
      // what the runtime does with an uncaught exception, it does by now
      await new Promise((resolve) => setTimeout(resolve));
    });
  }

  it("others hear what one that throws has heard", async () => {
    on(nameOf("start"), () => {
      throw new Error("listener");
    });
    const heard = listen();
    await life(makeSite());
    await quiet(heard, lived.length);
    assert.equal(heard.filter(({ phase }) => phase === "start").length, lived.length);
  });

  it("a store bound to a channel, with nobody who listens", async () => {
    const bound = new AsyncLocalStorage<unknown>();
    for (const name of ["sojourn:event", ...phases.map(nameOf)]) {
      channel(name).bindStore(bound);
      endings.push(() => void channel(name).unbindStore(bound));
    }
    const site = makeSite();
    await life(site);
    assert.equal(site.events.length, 4);
  });
});

function quietEvents(): Events {
  return new Events(undefined, Date.now, () => Promise.resolve("AAAAAAAA"));
}

function visiting(sessions: Site["sessions"]): Site["visit"] {
  return async (cookie, work = (session) => session.get("mark")) => {
    const handler = sessions.wrap(async (request) => new Response(String(await work(await request.session))));
    return await handler(
      new Request("https://site.test/", cookie === undefined ? {} : { headers: { cookie } }),
    );
  };
}

/** The same store, answering a turn later. */
function slow(inner: MemoryStore): SessionStore {
  const later = <A extends unknown[], T>(run: (...args: A) => T) => async (...args: A) => {
    await new Promise((resolve) => setTimeout(resolve));
    return run(...args);
  };
  return {
    load: later((key: string) => inner.load(key)),
    create: later((...args: Parameters<MemoryStore["create"]>) => inner.create(...args)),
    save: later((...args: Parameters<MemoryStore["save"]>) => inner.save(...args)),
    delete: later((key: string) => inner.delete(key)),
    touch: later((...args: Parameters<MemoryStore["touch"]>) => inner.touch(...args)),
    list: later((userId: string) => inner.list(userId)),
  };
}
