/** The pages: every link leads to a file and a heading that exist, and README.md stays short. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(`${root}/docs`).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  "bench/NOTES.md",
];

const read = (page: string) => readFileSync(join(root, page), "utf8");
const prose = (page: string) => read(page).replace(/^( *)```[^]*?^\1```$/gm, "");

/** What GitHub makes of a heading. */
const anchor = (heading: string) =>
  heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
const anchors = (page: string) =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!));

describe("the pages", () => {
  for (const page of pages) {
    it(`${page}: every link leads to a file and a heading that exist`, () => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
      const broken = links.filter((link) => {
        if (/^https?:/.test(link)) return false;
        const [path = "", heading] = link.split("#");
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(join(root, target))) return true;
        return heading !== undefined && !anchors(target).includes(heading);
      });
      assert.deepEqual(broken, []);
    });
  }

  it("README.md has at most 300 lines, and no table wider than 160 characters", () => {
    const lines = read("README.md").trimEnd().split("\n");
    assert.ok(lines.length <= 300, `${lines.length} lines`);
    assert.deepEqual(lines.filter((line) => line.startsWith("|") && line.length > 160), []);
  });
});
