/** From cookies to the one live session: which of several, and what becomes of those that are none. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { SessionsOptions } from "../../mod.ts";
import type { StoredSession, Transport } from "../../src/transport/transport.ts";
import { createContext } from "../../src/unit_of_work/context.ts";
import { SessionError } from "../../src/errors.ts";
import { find, load, open } from "../../src/unit_of_work/load.ts";
import { resolveOptions } from "../../src/options.ts";
import { FaultyStore, secrets } from "../support/fault_rig.ts";

const start = 1_800_000_000_000;

/** A core over a store in memory, a clock that stands, what was reported, and sessions to find. */
function bench(options: Partial<SessionsOptions<never>> = {}) {
  const clock = { now: start };
  const store = new FaultyStore(() => clock.now);
  const events: string[] = [];
  const context = createContext(resolveOptions({
    store,
    secrets,
    now: () => clock.now,
    idleAge: 600,
    anonymousIdleAge: 600,
    onEvent: ({ type, reason }) => void events.push(reason === undefined ? type : `${type} ${reason}`),
    ...options,
  }));

  /** Makes a session; what a browser then sends. */
  async function begin(data = '{"a":1}', seconds = 600, userId?: string, head = "1"): Promise<string> {
    const record = {
      data,
      head,
      createdAt: clock.now,
      touchedAt: clock.now,
      expiresAt: clock.now + seconds * 1000,
    };
    const { ref } = await context.transport.create(userId === undefined ? record : { ...record, userId });
    store.taken();
    return `__Host-sid=${ref.cookieValue}`;
  }

  /** What a load makes of cookies: the session's values, whether the cookies are called stale, and what was reported. */
  async function look(...cookies: string[]) {
    events.length = 0;
    const header = cookies.length === 0 ? null : cookies.join("; ");
    const { stored, draft, hasStaleCookies = false } = await find(context, header);
    await context.events.pending;
    const values = stored && Object.fromEntries(draft!.values);
    return { values, isStale: hasStaleCookies, events: events.splice(0) };
  }

  return { clock, store, context, begin, look };
}

const none = { values: undefined, isStale: true, events: [] };
const one = { values: { a: 1 }, isStale: false, events: [] };

describe("one cookie", () => {
  it("leads to its session, none to none", async () => {
    const { begin, look } = bench();
    assert.deepEqual(await look(await begin()), one);
    assert.deepEqual(await look(), none);
    assert.deepEqual(await look("other=1"), none);
  });

  it("is answered at once where the store answers at once and nobody else is asked", async () => {
    const { begin, context } = bench();
    for (const header of [null, "other=1", await begin(), await begin(undefined, 600, "ada")]) {
      assert.ok(!(load(context, header) instanceof Promise), String(header));
    }
    const { begin: beginStamped, context: stamped } = bench({ stampOf: () => undefined });
    assert.ok(!(load(stamped, await beginStamped()) instanceof Promise), "a session without a user");
  });

  it("SR-037 leads to nothing from the record's end on, nor from that of the limits; the record goes at once", async () => {
    for (const seconds of [60, 6000]) {
      const { begin, look, clock, store } = bench();
      const cookie = await begin(undefined, seconds);
      clock.now += Math.min(seconds, 600) * 1000 - 1;
      assert.deepEqual(await look(cookie), one);
      clock.now += 1;
      store.isAsync = true;
      assert.deepEqual(await look(cookie), { ...none, events: ["expired"] });
      assert.equal(store.inner.size, 0);
    }
  });

  it("SR-038 leads to nothing when the expired record cannot be removed", async () => {
    const { begin, look, clock, store } = bench();
    const cookie = await begin();
    clock.now += 600_000;
    store.fail("reject", "save", "delete");
    assert.deepEqual(await look(cookie), { ...none, events: ["expired", "store-error"] });
  });

  it("whose record is damaged is not called stale, and one of a newer format is no anonymous visitor", async () => {
    const { begin, look, context, store } = bench();
    assert.deepEqual(await look(await begin("{")), {
      values: undefined,
      isStale: false,
      events: ["damaged"],
    });
    const newer = await begin();
    const [{ ref, record }] = await context.transport.find(newer) as [StoredSession];
    store.inner.save(ref.key, { ...record, head: "2" }, ref.version);
    await assert.rejects(() => look(newer), { code: "ERR_STORE" });
  });

  it("does not hide a fault that is none of the store's", async () => {
    const { begin, context, clock } = bench();
    const cookie = await begin();
    const transport: Transport = Object.create(context.transport);
    transport.find = (header) => context.transport.find(header);
    const broken = (error: Error) => () => {
      throw error;
    };
    clock.now += 600_000;
    transport.removeExpired = broken(new TypeError("a fault"));
    await assert.rejects(async () => await load({ ...context, transport: transport }, cookie), TypeError);
    const read = async (error: Error) =>
      await load(
        { ...context, format: Object.assign(Object.create(context.format), { read: broken(error) }) },
        cookie,
      );
    await assert.rejects(() => read(new TypeError("a fault")), TypeError);
    await assert.rejects(() => read(Object.assign(new TypeError(), { code: "ERR_DAMAGED" })), TypeError);
    assert.equal((await read(new SessionError("ERR_DAMAGED", "no"))).stored, undefined);
  });
});

describe("several cookies", () => {
  it("of which one leads to a live session are that session", async () => {
    const { begin, look, clock } = bench();
    const old = await begin();
    clock.now += 500_000;
    const cookie = await begin();
    clock.now += 100_000;
    assert.deepEqual(await look(old, cookie), { ...one, events: ["expired"] });
    const damaged = await begin("{");
    assert.deepEqual(await look(damaged, cookie), { ...one, events: ["damaged"] });
    assert.deepEqual(await look(cookie, damaged), { ...one, events: ["damaged"] });
  });

  it("SR-016 of live sessions are none of them, and not stale", async () => {
    const { begin, look } = bench();
    const cookies = [await begin(), await begin()];
    const ambiguous = { values: undefined, isStale: false, events: ["rejected ambiguous"] };
    assert.deepEqual(await look(...cookies), ambiguous);
  });

  it("of expired sessions are stale, unless a damaged one is among them", async () => {
    const { begin, look, clock } = bench();
    const cookies = [await begin(), await begin()];
    clock.now += 600_000;
    assert.deepEqual(await look(...cookies), { ...none, events: ["expired", "expired"] });
    const mixed = [await begin(), await begin("{")];
    clock.now += 600_000;
    assert.deepEqual(await look(...mixed), {
      values: undefined,
      isStale: false,
      events: ["expired", "damaged"],
    });
  });
});

describe("an id", () => {
  it("leads to its session and to no other", async () => {
    const { begin, context } = bench();
    const id = (await begin()).slice("__Host-sid=".length).slice(0, 32);
    assert.equal((await open(context, id)).tracker.draft.values.get("a"), 1);
    for (const other of [undefined, "x".repeat(32)]) {
      assert.equal((await open(context, other)).stored, undefined);
    }
  });
});

describe("the stamp", () => {
  it("that is another's ends the session, and whether there was one is reported", async () => {
    let stamp = "one";
    let meanwhile = () => {};
    const { begin, look, store } = bench({ stampOf: () => (meanwhile(), Promise.resolve(stamp)) });
    const [data, head] = ['{"a":1}', '1\n{"stamp":"one"}'];
    const [first, second] = [await begin(data, 600, "ada", head), await begin(data, 600, "ada", head)];
    assert.deepEqual(await look(first), one);
    stamp = "two";
    const ended = { values: undefined, isStale: false };
    assert.deepEqual(await look(first), { ...ended, events: ["ended stamp"] });
    assert.equal(store.inner.size, 1);
    meanwhile = () => store.inner.list("ada").entries.forEach(({ key }) => store.inner.delete(key));
    assert.deepEqual(await look(second), { ...ended, events: [] });
  });

  it("is asked about a user's sessions only", async () => {
    const asked: string[] = [];
    const { begin, look } = bench({ stampOf: (userId) => void asked.push(userId) });
    assert.deepEqual(await look(await begin()), one);
    assert.deepEqual(await look(await begin(undefined, 600, "ada")), one);
    assert.deepEqual(asked, ["ada"]);
  });
});

describe("the schema", () => {
  const schema = z.object({ a: z.number().transform((a) => a + 1) }) as never;

  it("is asked of every session that holds something, stamped or not", async () => {
    for (const options of [{ schema }, { schema, stampOf: () => undefined }]) {
      const { begin, look } = bench(options);
      assert.deepEqual(await look(await begin(undefined, 600, "ada")), { ...one, values: { a: 2 } });
      assert.deepEqual(await look(await begin('{"a":"x"}', 600, "ada")), {
        values: undefined,
        isStale: false,
        events: ["invalid"],
      });
      assert.deepEqual(await look(await begin("{}", 600, "ada")), { ...one, values: {} });
    }
  });
});
