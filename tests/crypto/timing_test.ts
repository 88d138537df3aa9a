import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Signer } from "../../src/crypto/signer.ts";
import { makeId } from "../../src/crypto/session_id.ts";
import { begin, makeSite, randomness, secret } from "../support/identity_rig.ts";

/**
 * Comparisons that tell a client nothing. The look-ups in `#verified` do touch a whole cookie: a hash table compares texts only
 * after their seeded hashes agree, so a value that is right in its first characters is no nearer to a hit than any other.
 */
const harmless = [
  "src/transport/cookie.ts: if (isWellFormed(value) && !values.includes(value)) values.push(value);",
  "src/option_checks.ts: (value) => values.includes(value),", // what a developer wrote
  'src/codec.ts: if (above.includes(value)) refuse(path, "it contains itself");',
  "src/transport/signed_id_cookie.ts: const identity = this.#verified.get(value);",
  "src/transport/signed_id_cookie.ts: const known = this.#verified.get(value);",
  'src/diagnostics/channels.ts: const call: StoreCall = typeof tag === "string" ? { operation, tag } : { operation };', // a log tag
  "src/unit_of_work/unit_of_work.ts: const needsCookie = extendsExpiry || saved.ref.cookieValue !== this.stored?.ref.cookieValue;",
  "src/unit_of_work/save_queue.ts: const until = queue.findIndex((one) => rotates(one) || one.stored.ref.id !== id);", // both were verified
];

/** Welch's t of two kinds of calls, mixed at random; the slowest tenth of each is left out. */
async function welch(
  calls: readonly [() => Promise<unknown>, () => Promise<unknown>],
  count: number,
): Promise<number> {
  const random = randomness("SR-006");
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < count; i++) {
    const which = random(2) as 0 | 1;
    const start = performance.now();
    await calls[which]();
    times[which].push(performance.now() - start);
  }
  const [one, two] = times.map((all) => {
    const kept = all.toSorted((a, b) => a - b).slice(0, Math.floor(all.length * 0.9));
    const mean = kept.reduce((sum, one) => sum + one, 0) / kept.length;
    return {
      mean,
      error: kept.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (kept.length - 1) / kept.length,
    };
  });
  return (one!.mean - two!.mean) / Math.sqrt(one!.error + two!.error);
}

describe("timing", () => {
  it("SR-006 in src no comparison and no look-up by a raw id or tag", () => {
    const folder = fileURLToPath(new URL("../../src", import.meta.url));
    const raw = String.raw`(?:\w+(?:\.|\?\.|!\.))*(?:tag|token|id|mac|signature|cookieValue)\b`;
    const compares = new RegExp(
      String
        .raw`\b${raw}\s*[!=]==?\s*(?!undefined|null)|(?<!typeof \w+ )[!=]==?\s*${raw}(?!\.length)|\.(?:indexOf|includes|get|has|startsWith|localeCompare)\((?:${raw}|values?(?:\[\d\]!?)?)\)`,
    );
    const found: string[] = [];
    for (
      const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith(".ts")
      )
    ) {
      for (const line of readFileSync(`${folder}/${name}`, "utf8").split("\n")) {
        if (
          /^\s*(\*|\/\*|\/\/)/.test(line) ||
          /=== undefined|!== undefined/.test(line) && !/\.(get|has)\(/.test(line)
        ) continue;
        if (compares.test(line)) found.push(`src/${name}: ${line.trim()}`);
      }
    }
    assert.deepEqual(found.filter((line) => !harmless.includes(line)), []);
  });

  it("SR-006 a tag wrong in its first byte takes as long as one wrong in its last (told, not judged)", async () => {
    const signer = new Signer([secret(1)], "session id", "__Host-sid");
    const id = makeId();
    const tag = Buffer.from(await signer.sign(id), "base64url");
    const verify = (at: number) => {
      const wrong = Buffer.from(tag);
      wrong[at]! ^= 1;
      const text = wrong.toString("base64url");
      return async () => assert.equal(await signer.verify(id, text), -1);
    };
    console.log(
      `SR-006 verify: Welch's t = ${
        (await welch([verify(0), verify(31)], 10_000)).toFixed(2)
      }, wanted below 4.5`,
    );
  });

  it("SR-006 a cookie that shares all but its end with a live one is no slower than a stranger (told, not judged)", async () => {
    const site = makeSite();
    const token = await begin(site, "mine");
    const end = token.endsWith("A") ? "E" : "A";
    const visit = (value: string) => async () => {
      assert.equal(await (await site.visit(`__Host-sid=${value}`)).text(), "anonymous");
    };
    const near = visit(token.slice(0, -1) + end);
    const far = visit(`${makeId()}.${"B".repeat(42)}${end}`);
    console.log(
      `SR-006 request: Welch's t = ${(await welch([near, far], 5_000)).toFixed(2)}, wanted below 4.5`,
    );
  });
});
