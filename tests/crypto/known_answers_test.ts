import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Signer } from "../../src/crypto/signer.ts";
import { Sealer } from "../../src/crypto/sealer.ts";
import { hkdf, hmac, runVectors } from "../../tools/vector_files.ts";
import { secret } from "../support/identity_rig.ts";
import { itWithVectors, vectorFolder } from "../support/vectors.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));
const toHex = (text: string, encoding: "base64url" | "utf8") => Buffer.from(text, encoding).toString("hex");

/** What `work` makes when every derived key is this one, every random byte zero. */
async function withKey<T>(key: Uint8Array<ArrayBuffer>, work: () => Promise<T>): Promise<T> {
  const replacements: [object, string, unknown][] = [
    [
      crypto.subtle,
      "deriveKey",
      (
        how: { name: string; hash: string },
        _root: CryptoKey,
        kind: HmacImportParams,
        out: boolean,
        uses: KeyUsage[],
      ) => {
        assert.deepEqual([how.name, how.hash, out], ["HKDF", "SHA-256", false]);
        return crypto.subtle.importKey("raw", key, { ...kind, length: key.length * 8 }, out, uses);
      },
    ],
    [crypto, "getRandomValues", (bytes: Uint8Array) => bytes.fill(0)],
  ];
  try {
    for (const [object, name, value] of replacements) {
      Object.defineProperty(object, name, { value, configurable: true });
    }
    return await work();
  } finally {
    for (const [object, name] of replacements) delete (object as Record<string, unknown>)[name];
  }
}

/** RFC 4231, the test cases whose message is text: 1, 2, 6 and 7. */
const rfc4231: readonly [key: string, message: string, tag: string][] = [
  ["0b".repeat(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    toHex("Jefe", "utf8"),
    "what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    "aa".repeat(131),
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    "aa".repeat(131),
    "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
];

describe("known answers, through the code that uses them", () => {
  it("SR-019 the signer's tags are those of RFC 4231", async () => {
    for (const [key, message, tag] of rfc4231) {
      await withKey(hex(key), async () => {
        const signer = new Signer([secret(1)], "p", "c");
        const made = await signer.sign(message);
        assert.equal(toHex(made, "base64url"), tag);
        assert.equal(await signer.verify(message, made), 0);
        assert.equal(await signer.verify(`${message}!`, made), -1);
      });
    }
  });

  it("SR-020 the sealer's ciphertext is that of NIST's test case 14", async () => {
    const token = await withKey(
      new Uint8Array(32),
      () => new Sealer([secret(1)], "p", "c", () => 0).close("\0".repeat(16), "1"),
    );
    // format 1, key id 4, salt 16, IV 12; the tag behind it covers the library's own additional data
    assert.equal(toHex(token, "base64url").slice(33 * 2, -16 * 2), "cea7403d4d606b6e074ec5d3baf39d18");
  });

  it("SR-023 keys come from HKDF as RFC 5869 has it, with nothing but the purpose and the name in info", async () => {
    assert.equal(
      await hkdf("0b".repeat(22), "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", 42),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    const key = await hkdf(Buffer.from(secret(1)).toString("hex"), "", toHex("sojourn 1\np\nc", "utf8"), 32);
    assert.equal(
      toHex(await new Signer([secret(1)], "p", "c").sign("text"), "base64url"),
      await hmac(key, toHex("text", "utf8")),
    );
  });
});

/** A Wycheproof file and two of NIST's, with one case for each answer and one that is wrong where `wrong` is set. */
function made(folder: string, wrong: boolean): void {
  const [key, message, tag] = rfc4231[0]!;
  const one = { tcId: 1, key, msg: toHex(message, "utf8"), tag, result: "valid" };
  writeFileSync(
    join(folder, "hmac.json"),
    JSON.stringify({
      algorithm: "HMACSHA256",
      testGroups: [{
        tagSize: 256,
        tests: [one, { ...one, tcId: 2, tag: `00${tag.slice(2)}`, result: wrong ? "valid" : "invalid" }],
      }],
    }),
  );
  const zeros = (count: number) => "00".repeat(count);
  const sealed = "cea7403d4d606b6e074ec5d3baf39d18";
  const end = "d0d1c8a799996bf0265b98b5d48ab919";
  writeFileSync(
    join(folder, "gcmDecrypt256.rsp"),
    `# a comment\n[Keylen = 256]\n[IVlen = 96]\n[Taglen = 128]\n
Count = 0\nKey = ${zeros(32)}\nIV = ${zeros(12)}\nCT = ${sealed}\nAAD = \nTag = ${end}\nPT = ${zeros(16)}\n
Count = 1\nKey = ${zeros(32)}\nIV = ${zeros(12)}\nCT = ${sealed}\nAAD = 00\nTag = ${end}\n${
      wrong ? `PT = ${zeros(16)}` : "FAIL"
    }\n
[Taglen = 96]\n
Count = 0\nKey = ${zeros(32)}\nIV = ${zeros(12)}\nCT = ${sealed}\nAAD = \nTag = ${end.slice(0, 24)}\nPT = ${
      zeros(16)
    }\n`,
  );
  writeFileSync(
    join(folder, "HMAC.rsp"),
    `[L=20]\r\n\r\nCount = 0\r\nKlen = 1\r\nKey = 00\r\nMsg = 00\r\nMac = 00\r\n
[L=32]\r\n\r\nCount = 7\r\nTlen = 16\r\nKey = ${key}\r\nMsg = ${one.msg}\r\nMac = ${
      wrong ? tag.replace("b", "c") : tag.slice(0, 32)
    }\r\n`,
  );
}

describe("the vector files", () => {
  for (const wrong of [false, true]) {
    it(wrong ? "are red for every wrong case" : "are read as Wycheproof and NIST write them", async () => {
      const folder = mkdtempSync(join(tmpdir(), "sojourn-vectors-"));
      try {
        made(folder, wrong);
        const verdicts = await runVectors(folder);
        assert.deepEqual(verdicts.map(({ file, good, bad, apart }) => [file, good, bad.length, apart]), [
          ["HMAC.rsp", wrong ? 0 : 1, wrong ? 1 : 0, 1],
          ["gcmDecrypt256.rsp", wrong ? 1 : 2, wrong ? 1 : 0, 1],
          ["hmac.json", wrong ? 1 : 2, wrong ? 1 : 0, 0],
        ]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  itWithVectors("SR-019 SR-020 SR-023 give what Wycheproof lists", async () => {
    const verdicts = await runVectors(vectorFolder!);
    assert.deepEqual(verdicts.flatMap(({ bad }) => bad), []);
    const goodIn = (name: string) => verdicts.find(({ file }) => file === name)?.good;
    assert.deepEqual([goodIn("hmac-sha256.json"), goodIn("hkdf-sha256.json")], [174, 84]);
    assert.ok(goodIn("aes-gcm.json")! > 60);
  });
});
