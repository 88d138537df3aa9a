/** One unit of work: what may not be saved any more, or not as it is, and what closing waits for. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session, SessionsOptions } from "../../mod.ts";
import { begin, gate, Site, turn } from "../support/commit_rig.ts";

const hour = 3_600_000;

describe("a session that ends while it is used", () => {
  it("SR-037 is not given more time by a save: the absolute limit counts from the beginning", async () => {
    const site = new Site(undefined, { absoluteAge: 3600, idleAge: 3600 });
    const session = await site.sessions.open();
    await session.set("a", 1).save();
    site.clock.now += hour / 2;
    await session.set("a", 2).save();
    site.clock.now += hour / 2 - 1;
    assert.deepEqual(await site.stored(session.id), { a: 2 });
    site.clock.now += 1;
    assert.equal(await site.stored(session.id), undefined);
  });

  it("SR-038 is refused at its very end, and told as expired", async () => {
    const site = new Site(undefined, { absoluteAge: 3600 });
    const browser = await begin(site);
    await browser.visit(async (session) => {
      session.set("a", 2);
      site.clock.now += hour - 1;
      await session.save();
      session.set("a", 3);
      site.clock.now += 1;
      site.events.length = 0;
      await assert.rejects(session.save(), { code: "ERR_GONE" });
      assert.deepEqual(site.eventTypes(), ["expired"]);
    });
  });

  it("SR-038 outside of a request is refused at its very end, with or without changes", async () => {
    for (const change of [() => {}, (session: Session) => void session.set("a", 2)]) {
      const site = new Site(undefined, { absoluteAge: 3600 });
      const session = await site.sessions.open();
      await session.set("a", 1).save();
      site.clock.now += hour - 1;
      await session.save();
      site.clock.now += 1;
      change(session);
      site.events.length = 0;
      await assert.rejects(session.save(), { code: "ERR_GONE" });
      assert.deepEqual(site.eventTypes(), ["expired"]);
    }
  });

  it("SR-037 begins when it is first saved, not when it is opened", async () => {
    const site = new Site();
    const session = await site.sessions.open();
    site.clock.now += hour;
    await session.set("a", 1).save();
    const { createdAt } = await site.other().sessions.open(session.id);
    assert.equal(Number(createdAt), site.clock.now);
  });

  it("is ended by an expiry that is now", async () => {
    const site = new Site();
    const session = await site.sessions.open();
    await session.set("a", 1).save();
    const { id } = session;
    session.setExpiry(new Date(site.clock.now));
    await session.save();
    assert.equal(session.id, undefined);
    assert.equal(await site.stored(id), undefined);
  });
});

describe("a schema that takes its time", () => {
  /** A session with a slow schema, and what to do while it looks at the first save. */
  async function check(
    meanwhile: (session: Session) => unknown,
  ): Promise<Record<string, unknown> | Error | undefined> {
    const { wait, open } = gate();
    const asked = gate();
    const schema: NonNullable<SessionsOptions["schema"]> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: async (value) => {
          const text = JSON.stringify(value);
          asked.open();
          await wait;
          return text.includes("bad") ? { issues: [{ message: "bad" }] } : { value: value as object };
        },
      },
    };
    const site = new Site(undefined, { schema });
    const session = await site.sessions.open();
    const saving = session.assign({ cart: ["tea"] }).save();
    await asked.wait;
    await meanwhile(session);
    open();
    try {
      await saving;
    } catch (error) {
      return error as Error;
    }
    assert.equal(session.modified, false, "what was saved is not saved again");
    return await site.stored(session.id);
  }

  it("sees what is saved: what came in while it looked is looked at too", async () => {
    assert.deepEqual(await check(() => {}), { cart: ["tea"] });
    assert.deepEqual(await check((session) => session.set("b", 2)), { cart: ["tea"], b: 2 });
    assert.deepEqual(await check((session) => session.get("cart").push("milk")), { cart: ["tea", "milk"] });
    const refused: unknown[] = [
      await check((session) => session.set("b", "bad")),
      await check((session) => session.get("cart").push("bad")),
    ];
    for (const error of refused) assert.equal((error as { code?: string }).code, "ERR_SERIALIZE");
  });

  it("SR-033 saves nothing of a session that was ended meanwhile", async () => {
    assert.equal(await check((session) => void session.flush()), undefined);
  });
});

describe("a save that met others' changes, with a schema", () => {
  it("shows what was merged, as the schema gives it, and sends the cookie that is due", async () => {
    let asked = 0;
    const schema: NonNullable<SessionsOptions["schema"]> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => (asked++, { value: { more: true, ...value as object } }),
      },
    };
    for (const late of [0, 2 * hour]) {
      const site = new Site(undefined, { schema });
      const browser = await begin(site);
      const response = await browser.visit(async (session) => {
        await browser.twin(site.other()).visit((other) => void other.set("b", 2));
        site.clock.now += late;
        await session.set("c", 3).save();
        assert.deepEqual({ ...session.toObject() }, { a: 1, b: 2, c: 3, more: true });
        assert.equal(session.modified, false);
        const before = asked;
        await session.set("d", 4).save();
        assert.equal(asked, before + 1, "what met nobody is not read again");
      });
      assert.equal(response.headers.getSetCookie().length, late === 0 ? 0 : 1);
    }
  });
});

describe("a touch", () => {
  it("is told", async () => {
    const site = new Site();
    const browser = await begin(site);
    site.clock.now += 2 * hour;
    await browser.visit((session) => session.get("a"));
    assert.deepEqual(site.eventTypes(), ["touched"]);
  });
});

describe("close", () => {
  it("SR-075 waits for a save that nobody awaits, and comes to an end after it", async () => {
    const site = new Site();
    const session = await site.sessions.open();
    await session.set("a", 1).save();
    const { wait, open } = gate();
    site.store.before = (method) => method === "save" ? wait : undefined;
    session.set("b", 2).save();
    let isClosed = false;
    const closing = site.sessions.close().then(() => isClosed = true);
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(isClosed, false);
    open();
    await closing;
  });
});
