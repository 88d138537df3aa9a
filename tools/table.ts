/** The page docs/security.md: requirements, and the tests that prove them. */

import type { Proof } from "./proofs.ts";
import { requirements } from "./requirements.ts";

const head = `# Security and reliability, row by row

<!-- Made by \`deno task security\` from tools/requirements.ts and the names of the tests. Do not edit. -->

What the library has to show before a release, and the tests that show it. The name of a test begins with the row it proves:
\`SR-034 …\`. What is defended and what is not is in [SECURITY.md](../SECURITY.md).

**How to read it.** *Tests* counts names; a name may stand for many tests, since most run over several stores, and all of them on
Deno and on Bun. Files in \`src/testing/cases/\` are the suite that runs over every store. *Result* is \`held\`, or what
is not met and why.

**Why it is true.** \`.ci/run\` is red when a test fails, when a row has no test that passed on Deno or none that passed on Bun, and
when this page is not current. So a commit that is green has every row below proved on both runtimes.
`;

/** The page; throws when a row has no test, or a test a number that no row has. */
export function page(proofs: readonly Proof[]): string {
  const rows = requirements.flatMap(({ rows }) => rows);
  const known = new Set(rows.map(({ id }) => id));
  for (const { file, ids } of proofs) {
    const strange = ids.find((id) => !known.has(id));
    if (strange !== undefined) throw new Error(`${file} has a test for ${strange}, which is no row`);
  }
  let text = head;
  let but = 0;
  for (const { title, rows } of requirements) {
    text +=
      `\n## ${title}\n\n| row | demands | tests | where | runtimes | result |\n| --- | --- | --- | --- | --- | --- |\n`;
    for (const row of rows) {
      const names = proofs.filter(({ ids }) => ids.includes(row.id));
      if (names.length === 0) throw new Error(`No test has a name that begins with ${row.id}: ${row.demand}`);
      if (row.but !== undefined) but++;
      const files = [...new Set(names.map(({ file }) => file))].map((file) =>
        `[${file.replace(/^tests\/|_test\.ts$|^src\/testing\/|\.ts$/g, "")}](../${file})`
      );
      const result = row.but === undefined ? "held" : `held, but ${row.but}`;
      text += `| ${row.id} | ${row.demand} | ${names.length} | ${
        files.join(", ")
      } | Deno, Bun | ${result} |\n`;
    }
  }
  return `${text}\n${rows.length} rows, ${proofs.length} names of tests; ${but} rows with a \`but\`.\n`;
}
