/** `deno task screenshot`: the picture of the demo in the README. */

import { statSync } from "node:fs";
import { startBrowser } from "../tests/support/chromium.ts";
import { busyVisitor, resize, startDemo, windows } from "../tests/support/demo_scene.ts";
import { root } from "./project.ts";

const path = `${root}/docs/demo.png`;
await using demo = startDemo();
const browser = await startBrowser();
try {
  const page = await busyVisitor(browser, demo.url);
  await resize(page, windows.desktop);
  await page.screenshot({ path, fullPage: true });
} finally {
  await browser.close();
}
const { size } = statSync(path);
console.log(`docs/demo.png, ${Math.round(size / 1000)} kB`);
if (size > 200_000) throw new Error("the picture is larger than 200 kB");
