/** The `schema` option where a save meets what others saved in between. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Codec, StandardSchema } from "../../mod.ts";
import { begin, type Browser, Site, type Work } from "../support/commit_rig.ts";

const siteWith = (schema: StandardSchema<any>) => new Site(undefined, { schema }); // any: schemas of every shape

/** Another process, without a schema. */
const plain = ({ store, clock }: Site) => new Site(store.inner, {}, clock);

async function elsewhere(browser: Browser, work: Work): Promise<void> {
  assert.equal((await browser.twin(plain(browser.site)).visit(work)).status, 200);
}

async function stored(browser: Browser): Promise<unknown> {
  let data: unknown;
  await browser.twin(plain(browser.site)).visit((session) => void (data = { ...session.toObject() }));
  return data;
}

describe("with a schema, a save that meets others' changes", () => {
  it("is made from what the schema makes of them, and the session shows that", async () => {
    const name = z.string().transform((name) => name.trim());
    const browser = await begin(siteWith(z.object({ name, age: z.number().default(7) })), { name: "Bob" });
    await browser.visit(async (session) => {
      session.update("name", (name) => `${name}!`);
      await elsewhere(browser, (session) => void session.set("name", " Ada ").set("other", 1));
      await session.save();
      assert.deepEqual({ ...session.toObject() }, { name: "Ada!", age: 7 });
    });
    assert.deepEqual(await stored(browser), { name: "Ada!", other: 1 });
  });

  it("is refused where both fit alone but not together, and theirs stays", async () => {
    const either = z.record(z.string(), z.number()).refine((data) => !("mine" in data && "theirs" in data));
    const browser = await begin(siteWith(either), { n: 1 });
    const refused = browser.visit(async (session) => {
      session.set("mine", 1);
      await elsewhere(browser, (session) => void session.set("theirs", 1));
    });
    await assert.rejects(refused, { code: "ERR_SERIALIZE" });
    assert.deepEqual(await stored(browser), { n: 1, theirs: 1 });
  });

  it("is refused where theirs does not fit, also if it would with this change", async () => {
    const browser = await begin(siteWith(z.object({ n: z.number() })), { n: 1 });
    const refused = browser.visit(async (session) => {
      session.set("n", 2);
      await elsewhere(browser, (session) => void session.set("n", "many"));
    });
    await assert.rejects(refused, { code: "ERR_SERIALIZE" });
    assert.deepEqual(await stored(browser), { n: "many" });
  });

  it("starts from nothing where they emptied the session: a schema that demands a value is not asked of none", async () => {
    const browser = await begin(siteWith(z.object({ n: z.number() })), { n: 5 });
    const { status } = await browser.visit(async (session) => {
      session.update("n", (n = 0) => n + 1);
      await elsewhere(browser, (session) => session.clear());
    });
    assert.equal(status, 200);
    assert.deepEqual(await stored(browser), { n: 1 });
  });

  it("shows what the schema makes of the text, which may be more than the text holds", async () => {
    const codec: Codec = { encode: (data) => JSON.stringify(data), decode: (text) => JSON.parse(text) };
    const schema: StandardSchema<any> = z.object({ when: z.coerce.date(), n: z.number().optional() });
    const site = new Site(undefined, { schema, codec });
    const browser = await begin(site, { when: new Date(0).toISOString() });
    await browser.visit(async (session) => {
      assert.ok(session.get("when") instanceof Date);
      await browser.twin(site.other()).visit((other) => void other.set("n", 1));
      await session.set("when", new Date(5).toISOString()).save();
      assert.deepEqual({ ...session.toObject() }, { when: new Date(5), n: 1 });
    });
  });
});
