/**
 * `deno task vectors <folder>`: runs published vectors: Wycheproof's JSON (aes_gcm_test, hmac_sha256_test, hkdf_sha256_test) and
 * NIST's response files (gcmEncryptExtIV256, gcmDecrypt256, HMAC). Red when a case fails, or when there is none.
 */

import { runVectors } from "./vector_files.ts";

const [folder] = Deno.args;
if (folder === undefined) {
  console.log("Say in which folder the vectors are: deno task vectors <folder>");
  Deno.exit(2);
}
const verdicts = await runVectors(folder);
for (const { file, good, bad, apart } of verdicts) {
  console.log(`${file}: ${good} as published, ${bad.length} not, ${apart} for what the library never does`);
  for (const id of bad.slice(0, 10)) console.log(`    case ${id}`);
}
const good = verdicts.reduce((sum, one) => sum + one.good, 0);
if (good === 0) console.log("No vector was run");
Deno.exit(good > 0 && verdicts.every(({ bad }) => bad.length === 0) ? 0 : 1);
