/**
 * `deno task security`: writes docs/security.md, the table of requirements and the tests that prove them. With `--check` it
 * only says whether the page is as it would be written.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { root } from "./project.ts";
import { findProofs } from "./proofs.ts";
import { page } from "./table.ts";

const path = `${root}/docs/security.md`;
const made = page(findProofs(root));
if (!Deno.args.includes("--check")) writeFileSync(path, made);
else if (readFileSync(path, "utf8") !== made) {
  console.log("docs/security.md is not current: run `deno task security`");
  Deno.exit(1);
}
