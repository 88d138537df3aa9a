/** A token over several cookies, byte by byte. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Chunks } from "../../../backends/cookie/chunks.ts";
import { CookieWriter } from "../../../src/transport/cookie.ts";

const chunks = (most: number) => new Chunks(new CookieWriter({ name: "s" }), most, 100_000);
const headerOf = (fields: readonly string[]) => fields.map((field) => field.split(";", 1)[0]).join("; ");
const namesOf = (fields: readonly string[]) => fields.map((field) => field.split("=", 1)[0]);
/** How many characters of a value fit beside the name `s` and its number. */
const rooms = Array.from({ length: 20 }, (_, i) => 4096 - (i === 0 ? "s" : `s.${i}`).length);
/** The longest token that this many cookies hold beside their number. */
const longest = (count: number) =>
  rooms.slice(0, count).reduce((sum, room) => sum + room) - (count === 1 ? 0 : `${count}.`.length);

describe("a token over several cookies", () => {
  it("is read from one cookie or from all of its pieces", () => {
    const reads = (header: string | null, most = 3) => chunks(most).read(header);
    assert.deepEqual(reads(null), { carried: [] });
    assert.deepEqual(reads("x=1; s.1=ab"), { carried: [] });
    assert.deepEqual(reads("s=ab"), { carried: [{ token: "ab", count: 1 }] });
    assert.deepEqual(reads("s=3.ab; s.1=cd; s.2=ef"), { carried: [{ token: "abcdef", count: 3 }] });
    assert.deepEqual(reads("s=3.ab; s=gh; s.1=cd; s.2=ef; s.2=ef"), {
      carried: [{ token: "abcdef", count: 3 }, { token: "gh", count: 1 }],
    });
  });

  it("is malformed when a piece is missing or there twice, or there are more than may be", () => {
    for (
      const header of ["s=", "s=a.b", "s=1.ab", "s=2.ab", "s=2.ab; s.1=cd; s.1=ef", "s=3.ab; s.1=c; s.2=d"]
    ) {
      assert.deepEqual(chunks(2).read(header), { carried: [], rejected: "malformed" }, header);
    }
    assert.deepEqual(chunks(2).read("s=3.ab; s=cd").carried, [{ token: "cd", count: 1 }]);
  });

  it("SR-016 is one of at most four", () => {
    assert.equal(chunks(1).read("s=a; s=b; s=c; s=d").carried.length, 4);
    assert.deepEqual(chunks(1).read("s=a; s=b; s=c; s=d; s=e"), { carried: [], rejected: "ambiguous" });
  });

  it("takes the fewest cookies that hold it, to the byte, and is read as it was written", () => {
    for (let count = 1; count <= 20; count++) {
      for (const length of [longest(count), longest(count) + 1]) {
        if (length > longest(20)) continue;
        const least = length > longest(count) ? count + 1 : count;
        assert.equal(chunks(20).count(length, null), least, `${length}`);
        const token = "a".repeat(length - 1) + "z";
        const header = headerOf(chunks(20).set(token, least, undefined, null));
        const sizes = header.split("; ").map((cookie) => cookie.length - 1);
        assert.equal(sizes.length, least);
        assert.deepEqual(sizes.slice(0, -1), Array(least - 1).fill(4096));
        assert.ok(sizes.at(-1)! <= 4096);
        assert.deepEqual(chunks(20).read(header), { carried: [{ token, count: least }] });
      }
    }
  });

  it("is refused, with what is too much about it, when it is a byte too long", () => {
    for (const most of [1, 2, 3, 20]) {
      assert.equal(chunks(most).count(longest(most), null), most);
      assert.throws(() => chunks(most).count(longest(most) + 2, null), {
        code: "ERR_TOO_LARGE",
        message: most === 1
          ? "Cannot save the session: its cookie would take 4098 bytes, over the limit of 4096"
          : `Cannot save the session: it would take 2 bytes more than ${most} cookies of 4096 bytes hold`,
      });
      assert.throws(() => chunks(most).count(longest(most) + 1, null), { code: "ERR_TOO_LARGE" });
    }
  });

  it("is set with its attributes, and clears the pieces of a longer one", () => {
    const one = chunks(3);
    assert.deepEqual(one.set("ab", 1, 60, "s=cd"), [
      "s=ab; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60",
    ]);
    const fields = one.set("a".repeat(5_000), 2, undefined, "s=4.a; s.1=b; s.2=c; s.3=; x=y");
    assert.deepEqual(namesOf(fields), ["s", "s.1", "s.2", "s.3"]);
    assert.deepEqual(fields.map((field) => field.includes("; Max-Age=0")), [false, false, true, true]);
  });

  it("is cleared wherever a request carries some of it, up to the twentieth cookie", () => {
    const cleared = (header: string | null) => namesOf(chunks(1).clear(header));
    assert.deepEqual(cleared(null), []);
    assert.deepEqual(cleared("x=1"), []);
    assert.deepEqual(cleared("s=%"), ["s"]);
    assert.deepEqual(cleared("s.2=a; s=b; s.19=c; s.20=d"), ["s", "s.2", "s.19"]);
  });
});
