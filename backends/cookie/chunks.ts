/** Splits a token over several cookies: the first is prefixed with the count, and each piece has its own name. */

import { type CookieWriter, maxCookieBytes, readCookie } from "../../src/transport/cookie.ts";
import { SessionError } from "../../src/errors.ts";

/** A token in the cookies of a request. */
export interface Carried {
  readonly token: string;
  /** The number of pieces, which is authenticated too. */
  readonly count: number;
}

const isFirst = (value: string) => /^(?:[2-9]\.|[1-9]\d\.)?[A-Za-z0-9_-]+$/.test(value);
const isPiece = (value: string) => /^[A-Za-z0-9_-]+$/.test(value);
const isAnything = () => true;
const never = () => false;

/** If there are more different values under the first name, they are refused unread (SR-016). */
const mostCandidates = 4;

/** The largest `chunks` option; stale pieces are looked for up to here. */
export const mostChunks = 20;
/** The default of the `maxHeaderBytes` option: the maximum bytes of a whole `Cookie` header. */
export const maxHeaderBytes = 8_000;
/** The smallest value of that option. */
export const leastHeaderBytes = 1_024;

/** Splits tokens into cookies and joins them again, for one cookie name. */
export class Chunks {
  readonly #cookie: CookieWriter;
  readonly #most: number;
  readonly #mostBytes: number;

  /** At most `most` cookies, and `mostBytes` in the whole `Cookie` header. */
  constructor(cookie: CookieWriter, most: number, mostBytes: number) {
    this.#cookie = cookie;
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  #name(index: number): string {
    return index === 0 ? this.#cookie.name : `${this.#cookie.name}.${index}`;
  }

  /** The tokens of a request; with a reason if it carries the cookie but no token that could be valid. */
  read(header: string | null): { readonly carried: readonly Carried[]; readonly rejected?: string } {
    const first = readCookie(header, this.#name(0), isFirst, mostCandidates);
    if (first.values.length > mostCandidates) return { carried: [], rejected: "ambiguous" };
    const carried = first.values.map((value) => this.#join(header, value, this.#most))
      .filter((one) => one !== undefined);
    return carried.length === 0 && first.isPresent ? { carried, rejected: "malformed" } : { carried };
  }

  /**
   * All tokens that a request may carry, in any number of pieces and with each of two twins: this finds the cookies to end, not the
   * session to use. `isAlone` is whether there is only one value under the first name.
   */
  candidates(header: string | null): { readonly carried: readonly Carried[]; readonly isAlone: boolean } {
    const { values } = readCookie(header, this.#name(0), isFirst, mostCandidates);
    const isAlone = readCookie(header, this.#name(0), isAnything, 1).values.length === 1;
    const carried = new Map<string, Carried>();
    for (const value of values) {
      for (const twin of [0, 1]) {
        const one = this.#join(header, value, mostChunks, twin);
        if (one !== undefined) carried.set(`${one.count}.${one.token}`, one);
      }
    }
    return { carried: [...carried.values()], isAlone };
  }

  /** If a piece is there twice, `twin` chooses one of them. */
  #join(header: string | null, first: string, most: number, twin?: number): Carried | undefined {
    const dot = first.indexOf(".");
    if (dot < 0) return { token: first, count: 1 };
    const count = Number(first.slice(0, dot));
    if (count > most) return undefined;
    let token = first.slice(dot + 1);
    for (let i = 1; i < count; i++) {
      const { values } = readCookie(header, this.#name(i), isPiece, 1);
      // A piece that is there twice may be a planted one: combinations must not be guessed.
      if (values.length !== 1 && twin === undefined) return undefined;
      const piece = values[Math.min(twin ?? 0, values.length - 1)];
      if (piece === undefined) return undefined;
      token += piece;
    }
    return { token, count };
  }

  /**
   * How many cookies a token of this length takes when it is added to the other cookies in this header.
   *
   * @throws {SessionError} If browsers would not keep the cookies, or servers would refuse a request with them (`ERR_TOO_LARGE`).
   */
  count(length: number, header: string | null): number {
    const count = this.#count(length);
    const bytes = this.#others(header) + this.#bytes(count, length);
    // A request that does not get larger than this one, which was accepted, is not refused.
    if (bytes <= Math.max(this.#mostBytes, header?.length ?? 0)) return count;
    throw new SessionError(
      "ERR_TOO_LARGE",
      `Cannot save the session: the Cookie header would take ${bytes} bytes with it, over the limit of ${this.#mostBytes} (maxHeaderBytes)`,
    );
  }

  /** The bytes that a token in `count` pieces takes in a header, with names and separators. */
  #bytes(count: number, length: number): number {
    let bytes = count === 1 ? length : `${count}.`.length + length;
    for (let i = 0; i < count; i++) bytes += this.#name(i).length + "=; ".length;
    return bytes - "; ".length;
  }

  /** The bytes that a header takes without this library's cookies. */
  #others(header: string | null): number {
    if (header === null) return 0;
    let bytes = header.length + "; ".length;
    for (const name of this.#carried(header)) {
      for (const value of readCookie(header, name, isAnything, mostChunks).values) {
        bytes -= name.length + value.length + "=; ".length;
      }
    }
    return Math.max(0, bytes);
  }

  #count(length: number): number {
    const room = (index: number) => maxCookieBytes - this.#name(index).length;
    let count = 1;
    let left = length - room(0);
    while (left > 0 && count < this.#most) {
      if (count === 1) left += 2;
      if (count === 9) left += 1;
      left -= room(count++);
    }
    if (left <= 0) return count;
    const size = length + this.#name(0).length;
    throw new SessionError(
      "ERR_TOO_LARGE",
      this.#most === 1
        ? `Cannot save the session: its cookie would take ${size} bytes, over the limit of ${maxCookieBytes}`
        : `Cannot save the session: it would take ${left} bytes more than ${this.#most} cookies of ${maxCookieBytes} bytes hold`,
    );
  }

  /** The `Set-Cookie` fields that set a token and clear the pieces of an older, longer one. */
  set(token: string, count: number, maxAge: number | undefined, header: string | null): string[] {
    const fields: string[] = [];
    let rest = count === 1 ? token : `${count}.${token}`;
    for (let i = 0; i < count; i++) {
      const room = maxCookieBytes - this.#name(i).length;
      fields.push(this.#cookie.set(rest.slice(0, room), maxAge, this.#name(i)));
      rest = rest.slice(room);
    }
    return [...fields, ...this.clear(header, count)];
  }

  /** The `Set-Cookie` fields that clear the session cookies of a request, starting with the given piece. */
  clear(header: string | null, from = 0): string[] {
    return this.#carried(header, from).map((name) => this.#cookie.clear(name));
  }

  /** The `Set-Cookie` fields that clear cookies without a domain next to those with one. */
  clearTwins(header: string | null): string[] {
    if (!this.#cookie.hasTwin) return [];
    return this.#carried(header).map((name) => this.#cookie.clearTwin(name));
  }

  /** The names of the session cookies in a request, starting with the given piece. */
  #carried(header: string | null, from = 0): string[] {
    const most = header?.includes(`${this.#cookie.name}.`) ? mostChunks : 1;
    const names = Array.from({ length: Math.max(0, most - from) }, (_, i) => this.#name(from + i));
    return names.filter((name) => readCookie(header, name, never, 0).isPresent);
  }
}
