import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { itWithVectors, vectors } from "../support/vectors.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "hex"));
const toHex = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString("hex");

async function hkdf(ikm: string, salt: string, info: string, bytes: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", hex(ikm), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: hex(salt), info: hex(info) };
  return toHex(new Uint8Array(await crypto.subtle.deriveBits(parameters, key, bytes * 8)));
}

const gcm = (iv: string, aad: string) => ({
  name: "AES-GCM",
  iv: hex(iv),
  additionalData: hex(aad),
  tagLength: 128,
});
const gcmKey = (key: string) =>
  crypto.subtle.importKey("raw", hex(key), "AES-GCM", false, ["encrypt", "decrypt"]);

async function seal(key: string, iv: string, aad: string, text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.encrypt(gcm(iv, aad), await gcmKey(key), hex(text))));
}

async function open(key: string, iv: string, aad: string, sealed: string): Promise<string | undefined> {
  try {
    return toHex(new Uint8Array(await crypto.subtle.decrypt(gcm(iv, aad), await gcmKey(key), hex(sealed))));
  } catch {
    return undefined;
  }
}

/** "The Galois/Counter Mode of Operation", submitted to NIST: test cases 13 to 16, with 256-bit keys. */
const zeros = "00".repeat(12);
const key = "feffe9928665731c6d6a8f9467308308".repeat(2);
const text =
  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const sealed =
  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
const published = [
  ["00".repeat(32), zeros, "", "", "530f8afbc74536b9a963b4f1c4cb738b"],
  [
    "00".repeat(32),
    zeros,
    "",
    "00".repeat(16),
    "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
  ],
  [
    key,
    "cafebabefacedbaddecaf888",
    "",
    `${text}1aafd255`,
    `${sealed}898015adb094dac5d93471bdec1a502270e3cc6c`,
  ],
  [
    key,
    "cafebabefacedbaddecaf888",
    "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    text,
    `${sealed}76fc6ece0f4e1768cddf8853bb2d551b`,
  ],
] as const;

describe("the platform's primitives", () => {
  it("SR-020 AES-256-GCM gives what NIST published", async () => {
    for (const [key, iv, aad, text, result] of published) {
      assert.equal(await seal(key, iv, aad, text), result);
      assert.equal(await open(key, iv, aad, result), text);
      assert.equal(
        await open(key, iv, aad, result.replace(/.$/, (digit) => digit === "0" ? "1" : "0")),
        undefined,
      );
    }
  });

  it("SR-023 HKDF-SHA-256 gives what RFC 5869 published", async () => {
    const range = (from: number, to: number) =>
      toHex(Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i));
    assert.equal(
      await hkdf("0b".repeat(22), range(0, 0x0c), range(0xf0, 0xf9), 42),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    assert.equal(
      await hkdf(range(0, 0x4f), range(0x60, 0xaf), range(0xb0, 0xff), 82),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    );
    assert.equal(
      await hkdf("0b".repeat(22), "", "", 42),
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
  });

  itWithVectors("SR-020 AES-GCM with 96-bit IVs gives what Wycheproof lists", async () => {
    interface Case {
      readonly tcId: number;
      readonly key: string;
      readonly iv: string;
      readonly aad: string;
      readonly msg: string;
      readonly ct: string;
      readonly tag: string;
      readonly result: string;
    }
    const { testGroups } = vectors<{ testGroups: { ivSize: number; tagSize: number; tests: Case[] }[] }>(
      "aes-gcm.json",
    );
    let cases = 0;
    for (const { tests } of testGroups.filter(({ ivSize }) => ivSize === 96)) {
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of tests) {
        cases++;
        const valid = result === "valid";
        assert.equal(await open(key, iv, aad, ct + tag), valid ? msg : undefined, `case ${tcId}`);
        assert.equal(await seal(key, iv, aad, msg) === ct + tag, valid, `case ${tcId}`);
      }
    }
    assert.equal(cases, 133);
  });

  itWithVectors("SR-023 HKDF-SHA-256 gives what Wycheproof lists", async () => {
    interface Case {
      readonly tcId: number;
      readonly ikm: string;
      readonly salt: string;
      readonly info: string;
      readonly size: number;
      readonly okm: string;
      readonly result: string;
    }
    const { testGroups } = vectors<{ testGroups: { tests: Case[] }[] }>("hkdf-sha256.json");
    let cases = 0;
    for (const { tcId, ikm, salt, info, size, okm, result } of testGroups.flatMap(({ tests }) => tests)) {
      cases++;
      const derived = hkdf(ikm, salt, info, size);
      if (result === "valid") assert.equal(await derived, okm, `case ${tcId}`);
      else await assert.rejects(derived, `case ${tcId}`);
    }
    assert.equal(cases, 84);
  });
});
