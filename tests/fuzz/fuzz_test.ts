import fc from "fast-check";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { fuzz, inputsFrom } from "./inputs.ts";
import { targets } from "./targets.ts";
import { seed } from "../support/identity_rig.ts";

describe("fuzzing, the short form of deno task fuzz", () => {
  for (const target of targets) {
    it(target.name, async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      for (const sample of target.samples) await target.check(sample);
      await fuzz(target, { seed, numRuns: 400 });
    });
  }

  it("makes inputs that are real, nearly real and not real at all, and the same ones for a seed", () => {
    const samples = ["sample-1 that is long", "another"].map((text) => Buffer.from(text));
    const draw = () =>
      fc.sample(inputsFrom(samples), { seed: 7, numRuns: 500 }).map((input) =>
        Buffer.from(input).toString("hex")
      );
    const inputs = draw();
    assert.deepEqual(inputs, draw());
    assert.ok(inputs.includes(samples[0]!.toString("hex")));
    assert.ok(new Set(inputs).size > 200);
    assert.ok(
      inputs.some((input) => input.includes(Buffer.from("sampl").toString("hex")) && input.length > 20),
    );
  });

  it("finds what a reader does wrong, and says how to repeat it", async () => {
    const wrong = {
      name: "",
      samples: [Buffer.from("good")],
      check: (input: Uint8Array) => assert.ok(input[0] === 0x67),
    };
    await assert.rejects(fuzz(wrong, { seed: 1, numRuns: 200 }), /seed: 1/);
  });
});
