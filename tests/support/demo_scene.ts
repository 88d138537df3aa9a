/** The demo in a real browser: the server, and visits that leave something to look at. */

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { MemoryStore } from "../../backends/memory.ts";
import { makeApp, type ShopData } from "../../examples/demo.ts";
import { serve } from "../../examples/demo/serve.ts";
import { cookieName, watchStore } from "../../examples/demo/watch.ts";
import { createSessions } from "../../mod.ts";
import type { LiveServer } from "./live_server.ts";
import { agents } from "./visitor.ts";

/** The windows that pages are looked at in. */
export const windows = {
  desktop: { size: { width: 1120, height: 800 }, colorScheme: "light" },
  phone: { size: { width: 360, height: 740 }, colorScheme: "light" },
  dark: { size: { width: 1120, height: 800 }, colorScheme: "dark" },
} as const;

/** Changes the window of a page. */
export async function resize(
  page: Page,
  { size, colorScheme }: typeof windows[keyof typeof windows],
): Promise<void> {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme });
}

/** Starts the demo with a store of its own. */
export function startDemo(): LiveServer {
  const sessions = createSessions<ShopData>({
    store: watchStore(new MemoryStore()),
    secrets: [crypto.getRandomValues(new Uint8Array(32))],
    cookie: { name: cookieName, secure: false },
  });
  const server = serve(makeApp(sessions), 0);
  const stop = async () => {
    await server.stop();
    await sessions.close();
  };
  return { port: server.port, url: `http://localhost:${server.port}`, [Symbol.asyncDispose]: stop };
}

/** A browser of its own, in which no page can run a script. */
export async function visitor(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  return await (await browser.newContext({ javaScriptEnabled: false, ...options })).newPage();
}

/** Presses a button or follows a link, and waits for the page after it. */
export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).or(page.getByRole("link", { name, exact: true }))
    .click();
  await page.waitForLoadState("load");
}

/** Fills in the form and logs in. */
export async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.waitForLoadState("load");
}

/** Ada with something in her cart, logged in here and on her phone. */
export async function busyVisitor(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const phone = await visitor(browser, { userAgent: agents.safari });
  await phone.goto(url);
  await logIn(phone, "Ada");
  await phone.context().close();
  const page = await visitor(browser, { userAgent: agents.firefox, ...options });
  await page.goto(url);
  await press(page, "Add Folding map to the cart");
  await press(page, "Add Camp lantern to the cart");
  await press(page, "One Folding map more");
  await logIn(page, "Ada");
  return page;
}
