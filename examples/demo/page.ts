/** How the shop looks: whole pages, and their headers. */

import { createHash } from "node:crypto";
import type { SessionInfo } from "../../mod.ts";
import { hood, lastCost } from "./hood.ts";
import { Html, html } from "./html.ts";
import {
  account,
  cart,
  type CartLine,
  devices,
  loginForm,
  type Product,
  sessionFacts,
  shelf,
} from "./sections.ts";
import { style } from "./style.ts";
import type { Trace } from "./watch.ts";

/** All that the page shows. */
export interface ShopView {
  readonly visits: number;
  /** Whether the visitor had a session before this one. */
  readonly isAgain: boolean;
  readonly notice: string | undefined;
  readonly name: string | undefined;
  readonly lines: readonly CartLine[];
  readonly products: readonly Product[];
  readonly devices: readonly SessionInfo[];
  readonly idPrint: string | undefined;
  readonly ends: Date;
  readonly endsWithBrowser: boolean;
  readonly now: number;
  /** What the request before this one cost. */
  readonly last: Trace | undefined;
}

/** For every page: no scripts, no frames, no styles but ours. */
export const headers: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; " +
    `frame-ancestors 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

const icon = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#1d5c54"/>' +
    '<path d="M16 7 25 24H7Z" fill="#fff"/></svg>',
);

function document(title: string, body: Html): string {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <link rel="icon" href="${icon}">
        <style>${new Html(style)}</style>
      </head>
      <body>${body}</body>
    </html>
  `.text.trimStart();
}

/** A page with a single sentence. */
export function messagePage(text: string): string {
  return document(
    "The Waystation",
    html`
      <main class="alone">
        <h1>${text}</h1>
        <p><a href="/">Back to the Waystation</a></p>
      </main>
    `,
  );
}

/** A complete page. */
function framed(title: string, here: "/" | "/hood", corner: Html | undefined, main: Html): string {
  const pages = [["/", "Shop"], ["/hood", "Under the hood"]] as const;
  const links = pages.map(([path, name]) =>
    html`<a href="${path}" ${path === here && html`aria-current="page"`}>${name}</a>`
  );
  return document(
    title,
    html`
      <header>
        <p class="brand">The Waystation</p>
        <nav aria-label="Pages">${links}</nav>
        ${corner}
      </header>
      <main>${main}</main>
      <footer>
        <p>A demo of sojourn: plain forms, no script. Stop the server and start it again, and nothing here is lost.</p>
      </footer>
    `,
  );
}

/** What the library did for the last requests. */
export function hoodPage(traces: readonly Trace[]): string {
  return framed("Under the hood · The Waystation", "/hood", undefined, hood(traces));
}

/** The one page of the shop. */
export function shopPage(view: ShopView): string {
  const { visits, isAgain, notice, name, lines, products, now } = view;
  const who = name === undefined ? "" : `, ${name}`;
  const greeting = visits === 1 && !isAgain
    ? html`Welcome${who}. This is your first visit.`
    : html`Welcome back${who}. This is visit <span class="count">${visits}</span>${
      visits === 1 && " of a new session"
    }.`;
  return framed(
    "The Waystation",
    "/",
    account(name),
    html`
      <div class="welcome">
        <h1>${greeting}</h1>
        <p>Provisions for the road. All that this page knows about you is in your session.</p>
        ${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
      </div>
      <div class="columns">
        ${shelf(products)} ${cart(lines)} ${name === undefined ? loginForm() : devices(view.devices, now)}
        ${sessionFacts(view.ends, view.endsWithBrowser, view.idPrint, now)} ${lastCost(view.last)}
      </div>
    `,
  );
}
