/** Amounts and instants in words. */

import { type Html, html } from "./html.ts";

/** €8.50 */
export function money(cents: number): string {
  return new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(cents / 100);
}

/** 5 December 2026 at 14:03 UTC */
export function date(at: Date): Html {
  const format = { dateStyle: "long", timeStyle: "short", timeZone: "UTC" } as const;
  const text = new Intl.DateTimeFormat("en-GB", format).format(at);
  return html`<time datetime="${at.toISOString()}">${text} UTC</time>`;
}

/** 14 days */
export function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return plural(minutes, "minute");
  if (minutes < 2 * 1440) return plural(Math.floor(minutes / 60), "hour");
  return plural(Math.round(minutes / 1440), "day");
}

/** 5 minutes ago */
export function ago(at: number, now: number): Html {
  const text = now - at < 60_000 ? "just now" : `${span(now - at)} ago`;
  return html`<time datetime="${new Date(at).toISOString()}">${text}</time>`;
}

/** 1 device, 2 devices */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
