import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { findProofs, numbersOf, proofsIn, unproved } from "../../tools/proofs.ts";
import { requirements } from "../../tools/requirements.ts";
import { page } from "../../tools/table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const ids = requirements.flatMap(({ rows }) => rows).map(({ id }) => id);
const all = ids.map((id) => ({ file: "tests/a_test.ts", ids: [id] }));

describe("the table of requirements", () => {
  it("has the 76 rows, each with words of its own", () => {
    assert.equal(ids.length, 76);
    assert.deepEqual([ids[0], ids.at(-1)], ["SR-001", "SR-076"]);
    const demands = requirements.flatMap(({ rows }) => rows).map(({ demand }) => demand);
    assert.equal(new Set(demands).size, 76);
    for (const demand of demands) assert.ok(demand.length <= 90 && !demand.includes("|"), demand);
  });

  it("is current, and every file that it links to is there", () => {
    const text = readFileSync(`${root}/docs/security.md`, "utf8");
    assert.equal(text, page(findProofs(root)));
    const links = [...text.matchAll(/\]\((\.\.\/[^)]+)\)/g)].map(([, path]) => path!);
    assert.ok(links.length > 100);
    for (const path of new Set(links)) readFileSync(`${root}/docs/${path}`);
  });

  it("cannot be made when a row has no test, or a test has a number that is no row", () => {
    assert.match(
      page(all),
      /\| SR-034 \| .* \| 1 \| \[a\]\(\.\.\/tests\/a_test\.ts\) \| Deno, Bun \| held \|/,
    );
    assert.throws(() => page(all.filter((proof) => !proof.ids.includes("SR-034"))), /SR-034/);
    assert.throws(() => page([...all, { file: "tests/b_test.ts", ids: ["SR-077"] }]), /b_test.*SR-077/);
  });
});

describe("the names of tests", () => {
  it("begin with their numbers, after the plans they follow", () => {
    assert.deepEqual(numbersOf("SR-034 stays gone"), ["SR-034"]);
    assert.deepEqual(numbersOf("F3 F5 SR-054 SR-047 a full disk"), ["SR-054", "SR-047"]);
    assert.deepEqual(numbersOf("a full disk (SR-054)"), []);
  });

  it("are found in the source, however they are quoted, and not in comments or messages", () => {
    const source = `
      // it("ROW-001 a comment", …)
      /** ROW-002 another */
      assert.ok(true, "ROW-003 a message");
      it("ROW-004 double", () => {});
      it(\`ROW-005 \${name}'s "own"\`, () => {});
      it(
        'R6 ROW-006 ROW-007 on a line of its own',
        () => {},
      );
      describe("ROW-008 many", () => {});
      const one = { name: "ROW-009 in a list", run() {} };
      itWithVectors("ROW-010 vectors", () => {});
    `.replaceAll("ROW", "SR");
    assert.deepEqual(
      proofsIn("a", source).map(({ ids }) => ids.join(" ")),
      ["SR-004", "SR-005", "SR-006 SR-007", "SR-008", "SR-009", "SR-010"],
    );
  });

  it("prove a row only when the test passed, also inside a describe that carries the number", () => {
    const outcome = (name: string, state: "passed" | "failed" | "skipped") => ({ name, state, message: "" });
    const missing = unproved([
      outcome("a > SR-001 x", "passed"),
      outcome("SR-002 group > y", "passed"),
      outcome("a > SR-003 z", "skipped"),
      outcome("a > SR-004 z", "failed"),
    ]);
    assert.deepEqual(missing, ids.slice(2));
  });
});
