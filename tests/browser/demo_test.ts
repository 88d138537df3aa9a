/** The demo in a real browser, without scripts: what a person does there, whom it would keep out, and how it looks. */

import axe from "axe-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { chromiumPath, startBrowser } from "../support/chromium.ts";
import { busyVisitor, logIn, press, resize, startDemo, visitor, windows } from "../support/demo_scene.ts";
import { isBun, type LiveServer } from "../support/live_server.ts";
import { needs } from "../support/needs.ts";

const pictures = fileURLToPath(new URL(`../../artifacts/demo/${isBun ? "bun" : "deno"}/`, import.meta.url));

describe("the demo in a browser", needs("chromium", chromiumPath !== undefined), () => {
  let browser: Browser;
  let demo: LiveServer;

  before(async () => {
    mkdirSync(pictures, { recursive: true });
    demo = startDemo();
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await demo[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  /** What axe finds, in words; and a page has to fit its window. */
  async function faults(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
    );
    const wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth") as number;
    return wide > 0 ? [...found, `${wide} pixels too wide`] : found;
  }

  const notice = (page: Page) => page.getByRole("status").textContent();
  const devices = (page: Page) =>
    page.getByRole("region", { name: "Your devices" }).locator("b").allTextContents();

  it("sells, logs in, shows devices and signs them out, without any script", async () => {
    const laptop = await busyVisitor(browser, demo.url);
    assert.match((await notice(laptop))!, /Welcome, Ada/);
    assert.match((await laptop.getByRole("region", { name: "Your cart" }).textContent())!, /€49\.00/);
    assert.deepEqual(await devices(laptop), ["Firefox on Linux", "Safari on iPhone"]);
    await press(laptop, "Sign out Safari on iPhone");
    assert.deepEqual(await devices(laptop), ["Firefox on Linux"]);

    const tablet = await visitor(browser);
    await tablet.goto(demo.url);
    await logIn(tablet, "Ada");
    await press(laptop, "Sign out everywhere, here too");
    assert.match((await notice(laptop))!, /everywhere: 2 devices/);
    for (const page of [laptop, tablet]) {
      await page.goto(demo.url);
      assert.ok(await page.getByLabel("Your name").isVisible());
    }
  });

  it("shows under the hood what the last requests cost, and that its own page cost nothing", async () => {
    const page = await visitor(browser);
    await page.goto(demo.url);
    await press(page, "Under the hood");
    await page.reload();
    const [last, before] = await page.getByRole("row").allTextContents().then((rows) => rows.slice(1));
    assert.match(last!, /GET \/hood\s+200\s+nothing\s+nothing\s+nothing/);
    assert.match(before!, /GET \/\s+200\s+create\s/);
    assert.match(before!, /set-cookie/);
  });

  it("can be used from the keyboard, with the focus in sight", async () => {
    const page = await visitor(browser);
    await page.goto(demo.url);
    const focus = () =>
      page.evaluate(
        `[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]`,
      );
    const seen: unknown[] = [];
    for (let step = 0; step < 4; step++) {
      await page.keyboard.press("Tab");
      seen.push(await focus());
    }
    assert.deepEqual(seen, ["Shop", "Under the hood", "Log in", "Add"].map((name) => [name, "solid"]));
    await page.keyboard.press("Enter");
    await page.waitForURL(demo.url + "/#shelf");
    assert.match((await notice(page))!, /in your cart/);
  });

  it("stays at the cart when a button of the cart is pressed", async () => {
    const page = await busyVisitor(browser, demo.url);
    await resize(page, windows.phone);
    const top = () => page.evaluate('document.getElementById("cart").getBoundingClientRect().top');
    for (const name of ["One Folding map more", "Gift-wrap Camp lantern", "Remove Camp lantern"]) {
      await press(page, name);
      assert.equal(page.url(), `${demo.url}/#cart`);
      assert.ok(await page.evaluate("window.scrollY") as number > 0, name);
      const y = await top() as number;
      assert.ok(y >= 0 && y < 740, `${name}: the cart is at ${y}`);
    }
  });

  it("keeps nobody out, fits its window, and has its picture taken: desktop, phone, dark", async () => {
    const options = { javaScriptEnabled: true }; // axe is a script; the pages have none
    const fresh = await visitor(browser, options);
    for (const path of ["/hood", "/nothing-here", "/"]) {
      await fresh.goto(demo.url + path);
      assert.deepEqual(await faults(fresh), [], path);
    }
    const page = await busyVisitor(browser, demo.url, options);
    for (const [name, window] of Object.entries(windows)) {
      await resize(page, window);
      for (const [link, picture] of [["Under the hood", "hood"], ["Shop", "shop"]] as const) {
        await press(page, link);
        assert.deepEqual(await faults(page), [], `${picture}, ${name}`);
        await page.screenshot({ path: `${pictures}${picture}-${name}.png`, fullPage: true });
      }
    }
  });
});
