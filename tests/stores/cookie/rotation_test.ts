import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cryptoCalls, secret, sid, Site } from "../../support/cookie/rig.ts";

const [A, B, C, D] = [secret(1), secret(2), secret(3), secret(4)];

for (const seal of [true, false]) {
  describe(`secrets of ${seal ? "sealed" : "signed"} cookies`, () => {
    const over = (...secrets: Uint8Array[]) => new Site({ secrets, seal });

    it("SR-025 a new one in front: old cookies are good, and the next write makes them anew", async () => {
      const browser = await over(A).begin();
      const old = browser.header;
      const both = over(B, A);
      const read = await browser.visit((session) => session.get("mark"), { sessions: both.sessions });
      assert.equal(await read.text(), "live");
      assert.deepEqual(read.headers.getSetCookie(), []);
      await browser.see((session) => session.set("more", 1), { sessions: both.sessions });
      assert.notEqual(browser.header, old);
      assert.equal(await over(B).mark(browser.header), "live");
      assert.equal(await over(B).mark(old), undefined);
      assert.equal(await over(A).mark(browser.header), undefined);
    });

    it("SR-025 the next touch makes them anew too, and so does a save that changes nothing", async () => {
      const both = over(B, A);
      const browser = await over(A).begin();
      both.clock.now += 2 * 3_600_000;
      await browser.see((session) => session.get("mark"), { sessions: both.sessions });
      assert.equal(await both.other({ secrets: [B] }).mark(browser.header), "live");
      const forced = new Site({ secrets: [B, A], seal, saveEveryRequest: true });
      const other = await over(A).begin();
      await other.see((session) => session.get("mark"), { sessions: forced.sessions });
      assert.equal(await over(B).mark(other.header), "live");
    });

    it("SR-025 a removed one is dead at once, and says so", async () => {
      const { header } = await over(A).begin();
      const site = over(B, C);
      assert.equal(await site.mark(header), undefined);
      assert.deepEqual(site.reported(), [`rejected ${seal ? "unknown-key" : "forged"}`]);
    });

    it("SR-025 the same text in another place of the list is the same secret", async () => {
      const { header } = await over(A).begin();
      for (const secrets of [[A, B], [B, A], [C, B, A], [A, A]]) {
        assert.equal(await over(...secrets).mark(header), "live");
      }
    });

    it("SR-025 three rotations, 1,000 live sessions: nobody is lost, nothing under a removed secret accepted (C4)", async () => {
      const site = over(A);
      const browsers = await Promise.all(Array.from({ length: 1_000 }, (_, n) => site.begin({ mark: n })));
      for (const [next, previous] of [[B, A], [C, B], [D, C]] as const) {
        const both = over(next, previous);
        const [alone, gone] = [over(next), over(previous)];
        let lost = 0;
        let accepted = 0;
        await Promise.all(browsers.map(async (browser, n) => {
          const old = browser.header;
          const mark = await browser.see((session) => {
            session.set("visits", n);
            return session.get("mark");
          }, { sessions: both.sessions });
          if (mark !== n || await alone.mark(browser.header) !== n) lost++;
          if (await alone.mark(old) !== undefined || await gone.mark(browser.header) !== undefined) {
            accepted++;
          }
        }));
        assert.deepEqual([lost, accepted], [0, 0]);
      }
    });
  });
}

describe("crypto per request", () => {
  const quiet = { onEvent: () => {} };
  const read = (site: Site, header: string) => cryptoCalls(() => site.mark(header));
  const heavy = (calls: string[]) => calls.filter((call) => call !== "digest");

  it("a cookie that was seen before is read without any", async () => {
    const site = new Site();
    const browser = await site.begin();
    assert.deepEqual(await read(site, browser.header), [], "one that it made itself");
    const other = site.other();
    assert.equal(await other.mark(browser.header), "live");
    assert.deepEqual(await read(other, browser.header), [], "one that it opened before");
  });

  it("SR-025 one that was not is one decryption, however many secrets there are", async () => {
    for (const count of [1, 2, 10]) {
      const secrets = Array.from({ length: count }, (_, n) => secret(n + 1));
      for (const index of [0, count - 1]) {
        const maker = new Site({ secrets: [secrets[index]!] });
        const headers = [(await maker.begin()).header, (await maker.begin()).header];
        const site = new Site({ secrets });
        assert.equal(await site.mark(headers[0]!), "live");
        assert.deepEqual(heavy(await read(site, headers[1]!)), ["decrypt"], `${index} of ${count}`);
      }
    }
  });

  it("SR-025 an unknown key id, a malformed value and no cookie at all are none", async () => {
    const site = new Site({ ...quiet, secrets: Array.from({ length: 10 }, (_, n) => secret(n + 1)) });
    const token = (await site.begin()).cookies.get(sid)!;
    const unknown = (await new Site({ secrets: [secret(50)] }).begin()).header;
    for (const header of [unknown, `${sid}=`, `${sid}=${token}=`, `${sid}=AAAA`, "", "other=1"]) {
      assert.deepEqual(
        heavy(await read(site, header)).filter((call) => call !== "sign"),
        [],
        header.slice(0, 30),
      );
    }
  });

  it("a write is one encryption, and no request pays for a derivation once the keys are made", async () => {
    const site = new Site(quiet);
    const browser = await site.begin();
    const calls = await cryptoCalls(async () => {
      for (let n = 0; n < 5; n++) await browser.see((session) => session.set("mark", n));
    });
    assert.deepEqual(heavy(calls), Array(5).fill("encrypt"));
    const fresh = await cryptoCalls(() => site.begin());
    assert.deepEqual(heavy(fresh).filter((call) => call !== "sign"), ["encrypt"]);
  });

  it("what is remembered of cookies is bounded, and a forgotten one is opened again", async () => {
    const site = new Site({ seal: false });
    const first = await site.begin();
    for (let n = 0; n < 2_100; n++) await site.begin();
    assert.deepEqual(heavy(await read(site, first.header)), ["verify"]);
    assert.equal(await site.mark(first.header), "live");
  });
});
