/** What a person calls their device. */

const browsers: readonly [string, RegExp][] = [
  ["Edge", /\bEdg(e|A|iOS)?\//],
  ["Opera", /\bOPR\//],
  ["Firefox", /\b(Firefox|FxiOS)\//],
  ["Chrome", /\b(Chrome|Chromium|HeadlessChrome|CriOS)\//],
  ["Safari", /\bSafari\//],
  ["curl", /^curl\//],
];

const systems: readonly [string, RegExp][] = [
  ["Android", /\bAndroid\b/],
  ["iPhone", /\biPhone\b/],
  ["iPad", /\biPad\b/],
  ["Windows", /\bWindows\b/],
  ["macOS", /\bMac OS X\b/],
  ["ChromeOS", /\bCrOS\b/],
  ["Linux", /\bLinux\b/],
];

/** "Firefox on Linux", from a `User-Agent`. Nothing that the client sent is repeated. */
export function deviceName(userAgent: string | null): string {
  const find = (table: readonly [string, RegExp][]) =>
    table.find(([, sign]) => sign.test(userAgent ?? ""))?.[0];
  const [browser, system] = [find(browsers), find(systems)];
  return (browser ?? "Unknown browser") + (system === undefined ? "" : ` on ${system}`);
}
