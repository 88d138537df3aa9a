/** A browser's cookie jar, as strict as RFC 6265bis: prefixes, `Secure`, paths, domains, CHIPS partitions, sizes. */

interface Kept {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly domain: string;
  readonly hostOnly: boolean;
  readonly secure: boolean;
}

/** The fields of a `Set-Cookie`, read without any code of the library (RFC 6265bis, section 5.6). */
export interface ParsedCookie {
  readonly name: string;
  readonly value: string;
  /** Lower-case name to value, the last one of each; a flag has the value "". */
  readonly attributes: ReadonlyMap<string, string>;
  /** Each attribute as it was written. */
  readonly written: readonly string[];
}

const trim = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");

function divide(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [trim(text), ""] : [trim(text.slice(0, at)), trim(text.slice(at + 1))];
}

/** Reads one `Set-Cookie` field; `undefined` if a browser ignores it. */
export function parseSetCookie(field: string): ParsedCookie | undefined {
  // deno-lint-ignore no-control-regex -- what browsers refuse
  if (/[\x00-\x08\x0A-\x1F\x7F]/.test(field)) return undefined;
  const [pair = "", ...rest] = field.split(";");
  const [name, value] = divide(pair);
  if (!pair.includes("=") || name === "" || new TextEncoder().encode(name + value).length > 4096) {
    return undefined;
  }
  const attributes = new Map(
    rest.map(divide).filter(([, text]) => new TextEncoder().encode(text).length <= 1024)
      .map(([key, text]) => [key.toLowerCase(), text]),
  );
  return { name, value, attributes, written: rest.map(trim) };
}

/** The jar of a browser that visits one https site. */
export class StrictJar {
  readonly #kept = new Map<string, Kept>();
  /** Fields that the jar refused. */
  readonly refused: string[] = [];

  /** Takes what an answer to a request for `url` sets. */
  take(url: string, fields: readonly string[]): void {
    for (const field of fields) if (!this.#take(new URL(url), field)) this.refused.push(field);
  }

  #take(url: URL, field: string): boolean {
    const parsed = parseSetCookie(field);
    if (parsed === undefined) return false;
    const { name, value, attributes } = parsed;
    const secure = attributes.has("secure");
    const given = (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase();
    const hostOnly = given === "";
    const domain = hostOnly ? url.hostname : given;
    if (!hostOnly && url.hostname !== domain && !url.hostname.endsWith(`.${domain}`)) return false;
    const asked = attributes.get("path") ?? "";
    const path = asked.startsWith("/") ? asked : url.pathname.replace(/\/[^/]*$/, "") || "/";
    if (secure && url.protocol !== "https:") return false;
    if (attributes.get("samesite")?.toLowerCase() === "none" && !secure) return false;
    if (attributes.has("partitioned") && !secure) return false;
    if (/^__secure-/i.test(name) && !secure) return false;
    if (/^__host-/i.test(name) && !(secure && hostOnly && attributes.has("path") && asked === "/")) {
      return false;
    }
    if (/^__(host-)?http-/i.test(name) && !(secure && attributes.has("httponly"))) return false;
    // A cookie of a partition is another cookie than one of the same name outside.
    const key = JSON.stringify([name, domain, path, attributes.has("partitioned")]);
    const maxAge = attributes.get("max-age");
    const ended = maxAge !== undefined && /^-?\d+$/.test(maxAge)
      ? Number(maxAge) <= 0
      : Date.parse(attributes.get("expires") ?? "") <= Date.now();
    if (ended) this.#kept.delete(key);
    else this.#kept.set(key, { name, value, path, domain, hostOnly, secure });
    return true;
  }

  /** The `Cookie` header for a request; `undefined` without cookies. */
  header(address: string): string | undefined {
    const url = new URL(address);
    const sent = [...this.#kept.values()].filter(({ path, domain, hostOnly, secure }) =>
      (url.hostname === domain || !hostOnly && url.hostname.endsWith(`.${domain}`)) &&
      (url.pathname === path || url.pathname.startsWith(path.endsWith("/") ? path : `${path}/`)) &&
      (!secure || url.protocol === "https:")
    );
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /** How many cookies it holds. */
  get size(): number {
    return this.#kept.size;
  }
}
