/** Parses one `Set-Cookie` field as browsers do: RFC 6265bis sections 5.6 and 5.7. Never throws. */
import { parseCookieDate } from "./cookie_date.ts";

const maxPairBytes = 4096;
const maxAttributeBytes = 1024;
const maxLifetimeMs = 400 * 86_400_000;
// deno-lint-ignore no-control-regex -- a cookie that holds one of these is dropped whole
const controlCharacter = /[\x00-\x08\x0a-\x1f\x7f]/;

/** One cookie in a jar. */
export interface KeptCookie {
  readonly name: string;
  readonly value: string;
  /** The host that set it, or the domain it asked for. */
  readonly domain: string;
  /** Whether it goes to exactly that host, and not to the ones below it. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  /** Milliseconds since the epoch; `Infinity` if it lasts until the browser is closed. */
  readonly expiresAt: number;
}

/** Whether cookies marked `Secure` may travel to and from this address. */
export function isTrustworthy(url: URL): boolean {
  return url.protocol === "https:" || /^(?:.+\.)?localhost$|^127(?:\.\d+){3}$|^\[::1\]$/.test(url.hostname);
}

/** Whether `host` is `domain` or below it. An address made of numbers has nothing below it. */
export function domainMatches(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$|^\[/.test(host));
}

/** The cookie of a `Set-Cookie` field that came from `url`, or `undefined` if a browser would not keep it. */
export function readSetCookie(field: string, url: URL, now: number): KeptCookie | undefined {
  if (controlCharacter.test(field)) return undefined;
  const [pair = "", ...parts] = field.split(";");
  const [name, value] = pair.includes("=") ? splitPair(pair) : ["", trim(pair)];
  const size = name.length + value.length;
  if (size === 0 || size > maxPairBytes) return undefined;

  const attributes = readAttributes(parts);
  const asked = (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  const host = url.hostname;
  const hostOnly = asked === "" || (asked === host && isTopLevel(asked));
  const secure = attributes.has("secure");
  const path = attributes.get("path") ?? "";

  if (asked !== "" && !(domainMatches(host, asked) && (hostOnly || !isTopLevel(asked)))) return undefined;
  if (secure && !isTrustworthy(url)) return undefined;
  const needsSecure = attributes.get("samesite")?.toLowerCase() === "none" || attributes.has("partitioned");
  if (needsSecure && !secure) return undefined;
  // Without a name, the value is what a server would read as the name.
  const prefix = /^__(secure|host)-/i.exec(name === "" ? value : name)?.[1]?.toLowerCase();
  if (prefix !== undefined && (name === "" || !secure)) return undefined;
  if (prefix === "host" && !(asked === "" && path === "/")) return undefined;

  return {
    name,
    value,
    domain: asked === "" ? host : asked,
    hostOnly,
    path: path.startsWith("/") ? path : defaultPath(url),
    secure,
    expiresAt: readExpiry(attributes, now),
  };
}

/** The last value of each attribute, by its name in lower case; an oversized one counts as not given. */
function readAttributes(parts: readonly string[]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const part of parts) {
    const [name, value] = splitPair(part);
    const key = name.toLowerCase();
    if (value.length > maxAttributeBytes) continue;
    if (key === "max-age" && !/^-?\d+$/.test(value)) continue;
    if (key === "expires" && parseCookieDate(value) === undefined) continue;
    attributes.set(key, value);
  }
  return attributes;
}

/** When the cookie expires, at most 400 days from now. `Max-Age` takes precedence over `Expires`. */
function readExpiry(attributes: ReadonlyMap<string, string>, now: number): number {
  const age = attributes.get("max-age");
  const end = age === undefined
    ? parseCookieDate(attributes.get("expires") ?? "")
    : Number(age) > 0
    ? now + Number(age) * 1000
    : -Infinity;
  return end === undefined ? Infinity : Math.min(end, now + maxLifetimeMs);
}

/** The directory of the address: RFC 6265bis section 5.1.4. */
function defaultPath(url: URL): string {
  return url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf("/")));
}

function isTopLevel(domain: string): boolean {
  return !domain.includes(".");
}

function splitPair(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [trim(text), ""] : [trim(text.slice(0, at)), trim(text.slice(at + 1))];
}

function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}
