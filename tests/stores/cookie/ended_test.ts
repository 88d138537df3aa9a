/** What the transport of sessions in cookies knows of those that have ended. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError } from "../../../mod.ts";
import { headerOf, hour, setUp } from "../../support/cookie/transport_rig.ts";
import { Ended, start } from "../../support/cookie/rig.ts";

const longMemory = 400 * 24 * hour;

describe("a session in the cookie that has ended", () => {
  it("SR-028 is remembered for as long as a copy of its cookie could live, and no longer", async () => {
    const at = start + hour;
    for (
      const [absoluteAge, more, expiresAt] of [
        [null, {}, start + hour + longMemory],
        [null, { expiresAt: at + 7 }, at + 7 + longMemory],
        [null, { expiresAt: at - 7 }, at + longMemory],
        [7_200, {}, start - 2 + 7_200_000],
        [3_660, {}, at + 60_000],
        [1, {}, at + 60_000],
        [3_661, {}, start - 2 + 3_661_000],
      ] as const
    ) {
      const store = new Ended();
      store.fault = () => Promise.resolve();
      const { first, clock, record } = setUp({ store, absoluteAge });
      const one = record("secret", { userId: "ada", ...more });
      const made = await first.create(one);
      clock.now = at;
      assert.equal(await first.end(made), true);
      assert.equal(await first.end(made), false);
      const { version: _, ...kept } = (await store.load(made.ref.key))!;
      assert.deepEqual(kept, { data: "ended", createdAt: at, touchedAt: at, expiresAt });
    }
  });

  it("SR-028 is remembered for as long as one that was saved meanwhile", async () => {
    for (const [mine, later] of [[1, 5], [5, 1]] as const) {
      const store = new Ended();
      const { first, record } = setUp({ store });
      const made = await first.create(record());
      const [found] = await first.find(headerOf(first, made));
      await first.save(made, record("1", { expiresAt: start + later * hour }));
      await first.end({ ref: found!.ref, record: record("0", { expiresAt: start + mine * hour }) });
      assert.equal(store.load(made.ref.key)!.expiresAt, start + 5 * hour + longMemory);
    }
  });

  it("SR-028 is not found, not saved, not touched, not reloaded and not rotated again, on any server", async () => {
    const store = new Ended();
    const { first, transport, record, takeTold } = setUp({ store });
    const made = await first.create(record());
    const header = headerOf(first, made);
    const other = transport();
    const [seen] = await other.find(header);
    const mine = await other.save(seen!, record("1"));
    assert.ok(await other.reload(mine!));
    assert.equal(await first.end(made), true);
    assert.equal(await first.reload(made), undefined);
    for (const server of [other, first]) {
      assert.deepEqual(await server.find(header), []);
      assert.deepEqual(await takeTold(), ["rejected unknown"]);
    }
    assert.equal(await other.reload(mine!), undefined);
    assert.equal(await other.save(mine!, record("2")), undefined);
    assert.equal(await other.touch(mine!, record("2")), undefined);
    assert.equal(await other.rotate(mine!, record("2")), undefined);
  });

  it("with nobody to remember it was there, and is good as a copy on another server", async () => {
    const { first, transport, record } = setUp();
    const made = await first.create(record());
    assert.equal(await first.end(made), true);
    assert.equal((await transport().find(headerOf(first, made))).length, 1);
  });

  it("SR-028 is any that began before the user's instant, and nobody's without a user", async () => {
    const asked: string[] = [];
    let since = start - 2;
    const notBefore = (user: string) => (asked.push(user), Promise.resolve(since));
    const { first, record } = setUp({ notBefore });
    const mine = await first.create(record("{}", { userId: "ada" }));
    const header = headerOf(first, mine);
    assert.equal((await first.find(header)).length, 1);
    assert.deepEqual(asked.splice(0), ["ada"]);
    since++;
    assert.deepEqual(await first.find(header), []);
    assert.equal(await first.save(mine, record("1", { userId: "ada" })), undefined);
    asked.length = 0;
    assert.equal((await first.find(headerOf(first, await first.create(record())))).length, 1);
    assert.deepEqual(asked, []);
  });

  it("SR-048 is not taken for a live one when the instant is no instant", async () => {
    for (const answer of [NaN, "1", undefined]) {
      const { first, record } = setUp({ notBefore: () => answer as number });
      const header = headerOf(first, await first.create(record("{}", { userId: "ada" })));
      await assert.rejects(async () => await first.find(header), { code: "ERR_STORE" });
    }
  });

  it("is one of which the memory is damaged; other trouble is no answer", async () => {
    for (
      const [code, told] of [["ERR_DAMAGED", ["damaged", "rejected unknown"]], ["ERR_STORE", []]] as const
    ) {
      const store = new Ended();
      const { first, record, takeTold } = setUp({ store });
      const header = headerOf(first, await first.create(record()));
      store.fault = () => {
        throw new SessionError(code, "trouble");
      };
      if (code === "ERR_DAMAGED") assert.deepEqual(await first.find(header), []);
      else await assert.rejects(async () => await first.find(header), { code });
      assert.deepEqual((await takeTold()).filter((one) => one !== "store-error"), told);
    }
  });
});
