/**
 * `deno task fuzz [seconds]`: random bytes and mutated real inputs into everything that reads what others wrote, one target after
 * the other, for as long as told (60 s). Ends with code 1 at the first finding, with its smallest input.
 * `SOJOURN_SEED` repeats a run.
 */

import { fuzz } from "../tests/fuzz/inputs.ts";
import { targets } from "../tests/fuzz/targets.ts";

const seconds = Number(Deno.args[0] ?? 60);
if (!(seconds > 0)) throw new RangeError(`seconds must be a number above 0: received ${Deno.args[0]}`);
let seed = Number(Deno.env.get("SOJOURN_SEED") ?? Date.now() % 2 ** 31);
const end = Date.now() + seconds * 1000;
const counted = targets.map((target) => ({ target, inputs: 0 }));

console.log(`SOJOURN_SEED=${seed}`);
try {
  for (; Date.now() < end; seed++) {
    for (const one of counted) {
      const { target } = one;
      const check = (input: Uint8Array) => (one.inputs++, target.check(input));
      if (Date.now() < end) await fuzz({ ...target, check }, { seed, numRuns: 1000 });
    }
  }
} catch (error) {
  console.log(`\nSOJOURN_SEED=${seed}: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
for (const { target, inputs } of counted) console.log(`${String(inputs).padStart(9)} inputs  ${target.name}`);
console.log(`nothing found with the seeds up to ${seed - 1}`);
