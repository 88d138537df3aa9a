import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Signer } from "../../src/crypto/signer.ts";
import { Sealer } from "../../src/crypto/sealer.ts";

const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 3 + 1)];

/** The calls of a method of WebCrypto while `work` runs; `instead` may answer in its place. */
async function watch<Name extends "importKey" | "deriveKey">(
  name: Name,
  work: () => Promise<unknown>,
  instead?: () => Promise<never> | undefined,
): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  const real = crypto.subtle[name] as (...args: unknown[]) => Promise<unknown>;
  const watched = (...args: unknown[]) => {
    calls.push(args);
    return instead?.() ?? real.apply(crypto.subtle, args);
  };
  Object.defineProperty(crypto.subtle, name, { value: watched, configurable: true });
  try {
    await work();
  } finally {
    Reflect.deleteProperty(crypto.subtle, name);
  }
  return calls;
}

describe("the keys", () => {
  it("SR-024 can never be read out again", async () => {
    const imported: unknown[][] = [];
    const derived = await watch("deriveKey", async () => {
      imported.push(
        ...await watch("importKey", async () => {
          await new Signer(secrets, "id", "sid").sign("x");
          await new Sealer(secrets, "seal", "sid", Date.now).close("x", "");
        }),
      );
    });
    assert.equal(imported.length, 2);
    assert.equal(derived.length, 2);
    for (const call of [...imported, ...derived]) assert.equal(call[3], false, "the key is extractable");
  });

  it("are made again after making them failed, and the failure is told as it was", async () => {
    const failure = new Error("no entropy today");
    for (
      const use of [
        (signer = new Signer(secrets, "id", "sid")) => () => signer.sign("x"),
        (sealer = new Sealer(secrets, "seal", "sid", Date.now)) => () => sealer.close("x", ""),
      ]
    ) {
      for (const name of ["importKey", "deriveKey"] as const) {
        const attempt = use();
        const fail = () => Promise.reject(failure);
        await watch(name, () => assert.rejects(attempt(), (error) => error === failure), fail);
        assert.equal(typeof await attempt(), "string");
      }
    }
  });
});
