import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Session } from "../../../mod.ts";
import { arrive, type Browser, gate } from "../../support/browser.ts";
import { Ended, Site, start } from "../../support/cookie/rig.ts";

/** The data that an answer's cookie leads to on a server that has seen nothing else; `undefined` without one. */
async function sent(site: Site, answer: Response): Promise<Record<string, unknown> | undefined> {
  const fields = answer.headers.getSetCookie();
  if (fields.length === 0) return undefined;
  const header = fields.map((field) => field.split(";", 1)[0]).join("; ");
  return await site.other().browser().data({ header });
}

const makers: Record<string, () => Site> = {
  "none": () => new Site(),
  "a store": () => {
    const clock = { now: start };
    return new Site({ clock, revocation: new Ended(clock) });
  },
  "an instant per user": () => new Site({ revocation: { notBefore: () => 0 } }),
};

for (const [name, make] of Object.entries(makers)) {
  describe(`requests of one session that overlap on one server, revocation: ${name}`, () => {
    const twins = (browser: Browser, count: number, work: (session: Session, n: number) => unknown) =>
      Promise.all(
        Array.from({ length: count }, (_, n) => arrive(browser.twin(), (session) => void work(session, n))),
      );

    it("are merged: whichever answer arrives last brings all changes", async () => {
      const site = make();
      const browser = await site.begin({ count: 0 }, "user");
      const visits = await twins(browser, 20, (session, n) => {
        session.set(`key${n}`, n);
        session.update("count", (count) => Number(count ?? 0) + 1);
      });
      const datas = [];
      for (const { go } of visits) datas.push(await sent(site, await go()));
      assert.equal(datas.at(-1)!["count"], 20);
      assert.equal(Object.keys(datas.at(-1)!).length, 21);
      datas.forEach((data, n) => assert.equal(data!["count"], n + 1));
    });

    it("that finish all at once lose nothing either, and each answer brings its own change", async () => {
      const site = make();
      const browser = await site.begin({ count: 0 }, "user");
      const visits = await twins(browser, 50, (session, n) => {
        session.set(`key${n}`, n);
        session.update("count", (count) => Number(count ?? 0) + 1);
      });
      const datas = await Promise.all(visits.map(async ({ go }) => await sent(site, await go())));
      assert.equal(Math.max(...datas.map((data) => Number(data!["count"]))), 50);
      datas.forEach((data, n) => assert.equal(data![`key${n}`], n));
    });

    it("a flush meanwhile: 409 for who writes, and nothing is brought back", async () => {
      const site = make();
      const browser = await site.begin({ mark: "live" }, "user");
      const writer = await arrive(browser.twin(), (session) => void session.set("mark", "back"));
      const reader = await arrive(browser.twin(), (session) => session.get("mark"));
      assert.equal((await browser.twin().visit((session) => session.flush())).status, 200);
      const answer = await writer.go();
      assert.equal(answer.status, 409);
      assert.deepEqual(answer.headers.getSetCookie(), []);
      site.clock.now += 2 * 3_600_000;
      const read = await reader.go();
      assert.equal(read.status, 200);
      assert.deepEqual(read.headers.getSetCookie(), []);
    });

    it("a touch that overlaps a save never sends older data back, whichever began first", async () => {
      for (const order of ["save first", "touch first", "at once"]) {
        const site = make();
        const browser = await site.begin({ mark: "old" }, "user");
        site.clock.now += 2 * 3_600_000;
        const reader = await arrive(browser.twin(), (session) => session.get("mark"));
        const writer = await arrive(browser.twin(), (session) => void session.set("mark", "new"));
        const answers = order === "save first"
          ? [await writer.go(), await reader.go()]
          : order === "touch first"
          ? [await reader.go(), await writer.go()].reverse()
          : await Promise.all([writer.go(), reader.go()]);
        assert.deepEqual(await sent(site, answers[0]!), { mark: "new" }, order);
        if (order !== "save first") continue;
        const touched = await sent(site, answers[1]!);
        assert.ok(touched === undefined || touched["mark"] === "new", order);
      }
    });

    it("two touches and a log-in: the log-in's cookie is the only one that is good for the user", async () => {
      const site = make();
      const browser = await site.begin({ mark: "live" });
      site.clock.now += 2 * 3_600_000;
      const reader = await arrive(browser.twin(), (session) => session.get("mark"));
      const enters = browser.twin();
      await enters.see((session) => session.login("user"));
      const read = await reader.go();
      assert.deepEqual(read.headers.getSetCookie(), []);
      assert.equal(await enters.see((session) => session.userId), "user");
    });

    it("a later request with an older cookie is not mixed with what others did before it", async () => {
      const site = make();
      const browser = await site.begin({ mark: "old" }, "user");
      const late = browser.twin();
      await browser.see((session) => session.set("mark", "new"));
      const answer = await late.visit((session) => void session.set("more", 1));
      assert.deepEqual(await sent(site, answer), { mark: "old", more: 1 });
    });
  });
}

describe("a look-up of ended ids that is slow", () => {
  it("does not let a touch send back what was older than a save that it overlapped", async () => {
    const clock = { now: start };
    const ended = new Ended(clock);
    const site = new Site({ clock, revocation: ended });
    const browser = await site.begin({ mark: "old" });
    clock.now += 2 * 3_600_000;
    const [asked, held] = [gate(), gate()];
    const reader = await arrive(browser.twin(), (session) => session.get("mark"));
    ended.fault = async () => {
      ended.fault = undefined;
      asked.open();
      await held.wait;
    };
    const reading = reader.go();
    await asked.wait;
    const written = await browser.twin().visit((session) => void session.set("mark", "new"));
    held.open();
    const touched = await sent(site, await reading);
    assert.deepEqual(await sent(site, written), { mark: "new" });
    assert.ok(touched === undefined || touched["mark"] === "new");
  });

  it("does not let a write go through that overlapped a log-out", async () => {
    const clock = { now: start };
    const ended = new Ended(clock);
    const site = new Site({ clock, revocation: ended });
    const browser = await site.begin({ mark: "old" });
    const [asked, held] = [gate(), gate()];
    const writer = await arrive(browser.twin(), (session) => void session.set("mark", "back"));
    ended.fault = async () => {
      ended.fault = undefined;
      asked.open();
      await held.wait;
    };
    const writing = writer.go();
    await asked.wait;
    await browser.twin().see((session) => session.flush());
    held.open();
    const answer = await writing;
    assert.equal(answer.status, 409);
    assert.deepEqual(answer.headers.getSetCookie(), []);
  });
});
