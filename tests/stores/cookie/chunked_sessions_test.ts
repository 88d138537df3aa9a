import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionError } from "../../../mod.ts";
import { Random } from "../../../src/testing/random.ts";
import { secret, seed, sid, Site } from "../../support/cookie/rig.ts";

const random = new Random(seed);
const text = (length: number) => random.text(length, "abcdefghijklmnopqrstuvwxyz");
const names = (count: number) => Array.from({ length: count }, (_, i) => i === 0 ? sid : `${sid}.${i}`);
const headerOf = (cookies: Iterable<readonly [string, string]>) =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
const isTooLarge = (error: unknown) => error instanceof SessionError && error.code === "ERR_TOO_LARGE";

/** A session that takes exactly three cookies. */
const three = (site: Site, mark: string) => site.begin({ mark, filler: text(7_500) });

for (const seal of [true, false]) {
  describe(`a session over several cookies, ${seal ? "sealed" : "signed"}`, () => {
    const site = new Site({ chunks: 3, seal });

    it("takes as many as it needs, each within 4,096 bytes, with the same attributes", async () => {
      for (const [size, count] of [[10, 1], [4_000, 2], [7_500, 3]] as const) {
        const filler = text(size);
        const browser = site.browser();
        const answer = await browser.visit((session) => void session.set("filler", filler));
        const fields = answer.headers.getSetCookie();
        assert.deepEqual(fields.map((field) => field.split("=", 1)[0]), names(count));
        assert.equal(new Set(fields.map((field) => field.slice(field.indexOf(";")))).size, 1);
        for (const field of fields) assert.ok(field.split(";", 1)[0]!.length - 1 <= 4096);
        assert.deepEqual([...browser.cookies.keys()].sort(), names(count));
        assert.deepEqual(await browser.data({ sessions: site.other().sessions }), { filler });
      }
    });

    it("is the same whatever the order of its cookies, and beside others", async () => {
      const browser = await three(site, "live");
      const [a, b, c] = [...browser.cookies];
      for (const order of [[a, b, c], [c, b, a], [b, a, c], [["x", "y"], c, a, ["sid.1", "z"], b]]) {
        assert.equal(await site.mark(headerOf(order as [string, string][])), "live");
      }
    });

    it("pieces swapped, missing, repeated, renamed, cut or from another session lead nowhere (C1)", async () => {
      const [one, two] = [await three(site, "one"), await three(site, "two")];
      const [a, b, c] = names(3).map((name) => one.cookies.get(name)!) as [string, string, string];
      const others = names(3).map((name) => two.cookies.get(name)!) as [string, string, string];
      const wrong: (readonly [string, string])[][] = [
        [[sid, a], [`${sid}.1`, c], [`${sid}.2`, b]],
        [[sid, a], [`${sid}.1`, b]],
        [[sid, a], [`${sid}.2`, c]],
        [[sid, a]],
        [[`${sid}.1`, b], [`${sid}.2`, c]],
        [[sid, a], [`${sid}.1`, b], [`${sid}.2`, b]],
        [[sid, a], [`${sid}.01`, b], [`${sid}.2`, c]],
        [[sid, a], [`${sid}.2`, b], [`${sid}.3`, c]],
        [[sid, a], [`${sid}_1`, b], [`${sid}_2`, c]],
        [[sid, a], [`${sid}.1`, ""], [`${sid}.2`, b + c]],
        [[sid, a], [`${sid}.1`, b + c], [`${sid}.2`, ""]],
        [[sid, a.slice(2) + b + c]],
        [[sid, `1.${a.slice(2)}${b}${c}`]],
        [[sid, `2.${a.slice(2)}`], [`${sid}.1`, b + c]],
        [[sid, `03${a.slice(1)}`], [`${sid}.1`, b], [`${sid}.2`, c]],
        [[sid, `4${a.slice(1)}`], [`${sid}.1`, b], [`${sid}.2`, c], [`${sid}.3`, ""]],
        [[sid, `99${a.slice(1)}`], [`${sid}.1`, b], [`${sid}.2`, c]],
        [[sid, `3.${a}`], [`${sid}.1`, b], [`${sid}.2`, c]],
        [[sid, a], [`${sid}.1`, b], [`${sid}.2`, c.slice(0, -1)]],
        [[sid, a], [`${sid}.1`, b], [`${sid}.2`, `${c}A`]],
        [[sid, a + b[0]], [`${sid}.1`, b.slice(1)], [`${sid}.2`, c.replace(/.$/, "")]],
      ];
      for (let from = 1; from < 7; from++) {
        wrong.push(names(3).map((name, i) => [name, (from >> i & 1 ? others : [a, b, c])[i]!] as const));
      }
      for (const cookies of wrong) {
        assert.equal(await site.mark(headerOf(cookies)), undefined, cookies.map(([name]) => name).join());
      }
      assert.equal(await site.mark(one.header), "one");
      assert.equal(await site.mark(two.header), "two");
    });

    it("a piece that was planted beside the real one makes the visitor anonymous, in either order", async () => {
      const browser = await three(site, "live");
      for (const name of names(3).slice(1)) {
        for (const planted of ["AAAA", browser.cookies.get(sid)!.slice(2), `${browser.cookies.get(name)}A`]) {
          const cookie = `${name}=${planted}`;
          assert.equal(await site.mark(`${cookie}; ${browser.header}`), undefined);
          assert.equal(await site.mark(`${browser.header}; ${cookie}`), undefined);
        }
        assert.equal(await site.mark(`${browser.header}; ${name}=${browser.cookies.get(name)}`), "live");
      }
      assert.equal(await site.mark(`${sid}=3.AAAA; ${browser.header}`), "live");
      assert.equal(await site.mark(`${browser.header}; ${sid}.3=AAAA; ${sid}.19=AAAA`), "live");
    });

    it("every change of one bit in every 97th character, in each piece (C1)", async () => {
      const browser = await three(site, "live");
      let tried = 0;
      for (const [name, value] of [...browser.cookies]) {
        for (let at = 0; at < value.length; at += 97) {
          for (let bit = 0; bit < 7; bit++) {
            const changed = value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1 << bit) +
              value.slice(at + 1);
            const header = headerOf(new Map([...browser.cookies]).set(name, changed));
            try {
              new Headers({ cookie: header });
            } catch {
              continue;
            }
            assert.equal(await site.mark(header), undefined, `${name} at ${at}`);
            tried++;
          }
        }
      }
      assert.ok(tried > 500);
    });

    it("stale pieces of a longer session are cleared, and mixed with newer ones they lead nowhere", async () => {
      const browser = await three(site, "live");
      const old = [...browser.cookies];
      const shrunk = await browser.visit((session) => void session.set("filler", text(4_000)));
      const fields = shrunk.headers.getSetCookie();
      assert.deepEqual(fields.map((field) => [field.split("=", 1)[0], /; Max-Age=0;/.test(field)]), [
        [sid, false],
        [`${sid}.1`, false],
        [`${sid}.2`, true],
      ]);
      for (const attribute of ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]) {
        assert.ok(fields[2]!.split("; ").includes(attribute), attribute);
      }
      assert.equal(browser.cookies.size, 2);
      const [first, second] = [...browser.cookies];
      assert.equal(await site.mark(headerOf([first!, second!, old[2]!])), "live");
      assert.equal(await site.mark(headerOf([first!, old[1]!, old[2]!])), undefined);
      assert.equal(await site.mark(headerOf([old[0]!, second!, old[2]!])), undefined);
      const single = await browser.visit((session) => session.delete("filler"));
      assert.equal(single.headers.getSetCookie().length, 2);
      assert.deepEqual([...browser.cookies.keys()], [sid]);
      assert.deepEqual(await browser.data(), { mark: "live" });
    });

    it("log-out clears all pieces; a new session in the same answer clears those it does not need", async () => {
      const out = await three(site, "live");
      const answer = await out.visit((session) => session.flush());
      assert.equal(answer.headers.getSetCookie().length, 3);
      assert.equal(out.cookies.size, 0);
      const again = await three(site, "live");
      const twice = await again.visit(async (session) => {
        await session.flush();
        session.set("mark", "new");
      });
      assert.deepEqual(twice.headers.getSetCookie().map((field) => field.split("=", 1)[0]), names(3));
      assert.deepEqual(await again.data(), { mark: "new" });
      assert.equal(again.cookies.size, 1);
    });

    it("a read clears and sends nothing, whatever was planted", async () => {
      const browser = await site.begin();
      for (const planted of [`${sid}.1=AAAA`, `${sid}.2=`, `${sid}.7=x`]) {
        const answer = await browser.visit((session) => session.get("mark"), {
          header: `${browser.header}; ${planted}`,
        });
        assert.deepEqual(answer.headers.getSetCookie(), []);
        assert.equal(await answer.text(), "live");
      }
    });

    it("a touch and a rotation renew every piece", async () => {
      const browser = await three(site, "live");
      site.clock.now += 7_200_000;
      const touched = await browser.visit((session) => session.get("mark"));
      assert.equal(touched.headers.getSetCookie().length, 3);
      const before = browser.header;
      const rotated = await browser.visit((session) => session.cycleKey());
      assert.equal(rotated.headers.getSetCookie().length, 3);
      assert.notEqual(browser.header, before);
      assert.equal((await browser.data({ sessions: site.other().sessions }))["mark"], "live");
    });

    it("grows byte by byte over every border without a gap", async () => {
      for (const border of [2_800, 5_850, 8_900]) {
        let refused = 0;
        for (let size = border; size < border + 400; size += 3) {
          const filler = "x".repeat(size);
          try {
            const browser = await site.begin({ filler });
            assert.equal(refused, 0, "what is larger fits, and what is smaller does not");
            for (const [name, value] of browser.cookies) assert.ok(name.length + value.length <= 4096);
            assert.deepEqual(await browser.data({ sessions: site.other().sessions }), { filler });
          } catch (error) {
            if (!isTooLarge(error)) throw error;
            refused++;
          }
        }
      }
      await assert.rejects(site.begin({ filler: text(9_400) }), isTooLarge);
    });
  });
}

describe("the number of cookies", () => {
  it("is an option: what needs more is refused, with what is too much about it", async () => {
    for (
      const [chunks, fits, over] of [[1, 2_900, 3_100], [2, 5_900, 6_200], [20, 60_000, 62_000]] as const
    ) {
      const site = new Site({ chunks });
      const filler = text(fits);
      const browser = await site.begin({ filler });
      assert.equal(browser.cookies.size, chunks);
      assert.deepEqual(await browser.data({ sessions: site.other().sessions }), { filler });
      await assert.rejects(
        site.begin({ filler: text(over) }),
        (error: Error) => isTooLarge(error) && /\d+ bytes/.test(error.message) && /4096/.test(error.message),
      );
    }
  });

  it("can be raised without losing anybody, and lowered without throwing", async () => {
    const [small, large] = [new Site({ chunks: 1 }), new Site({ chunks: 4 })];
    assert.equal(await large.mark((await small.begin()).header), "live");
    const browser = await three(large, "live");
    assert.equal(await small.mark(browser.header), undefined);
    assert.equal(await new Site({ chunks: 3 }).mark(browser.header), "live");
  });

  it("of a lowered option leaves no pieces behind at log-out", async () => {
    const browser = await three(new Site({ chunks: 4 }), "live");
    await browser.see((session) => session.flush(), { sessions: new Site({ chunks: 2 }).sessions });
    assert.deepEqual([...browser.cookies.keys()], []);
  });

  it("is part of what is authenticated, with the secret's age and the cookie's name", async () => {
    const site = new Site({ chunks: 3 });
    const browser = await three(site, "live");
    const rotated = site.other({ secrets: [secret(2), secret(1)] });
    assert.equal(await rotated.mark(browser.header), "live");
    const other = site.other({ cookie: { name: "sid" } });
    assert.equal(await other.mark(browser.header.replaceAll(sid, "sid")), undefined);
  });
});
