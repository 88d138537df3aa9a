/** A token over several cookies: the count in front of the first, each piece under a name of its own. */

import { type CookieWriter, maxCookieBytes, readCookie } from "../../src/transport/cookie.ts";
import { SessionError } from "../../src/errors.ts";

/** A token as a request carries it. */
export interface Carried {
  readonly token: string;
  /** In how many pieces: part of what is authenticated. */
  readonly count: number;
}

const isFirst = (value: string) => /^(?:[2-9]\.|[1-9]\d\.)?[A-Za-z0-9_-]+$/.test(value);
const isPiece = (value: string) => /^[A-Za-z0-9_-]+$/.test(value);
const isAnything = () => true;
const never = () => false;

/** More different values than this under the first name are refused unread (SR-016). */
const mostCandidates = 4;

/** The most cookies that a store may be told to use; stale pieces are looked for up to here. */
export const mostChunks = 20;
/** The most bytes of a whole `Cookie` header, unless it is told otherwise. */
export const maxHeaderBytes = 8_000;
/** The least that it may be told. */
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

  /** The tokens that a request may mean; a reason when it carries our cookie and there is none to try. */
  read(header: string | null): { readonly carried: readonly Carried[]; readonly rejected?: string } {
    const first = readCookie(header, this.#name(0), isFirst, mostCandidates);
    if (first.values.length > mostCandidates) return { carried: [], rejected: "ambiguous" };
    const carried = first.values.map((value) => this.#join(header, value, this.#most))
      .filter((one) => one !== undefined);
    return carried.length === 0 && first.isPresent ? { carried, rejected: "malformed" } : { carried };
  }

  /**
   * All tokens that a request may have brought, in however many pieces and with each of two twins, which tells whose cookies it carries
   * and not whom it is from; whether there is one value under the first name.
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

  /** Of a piece that is there twice, `twin` says which one to take. */
  #join(header: string | null, first: string, most: number, twin?: number): Carried | undefined {
    const dot = first.indexOf(".");
    if (dot < 0) return { token: first, count: 1 };
    const count = Number(first.slice(0, dot));
    if (count > most) return undefined;
    let token = first.slice(dot + 1);
    for (let i = 1; i < count; i++) {
      const { values } = readCookie(header, this.#name(i), isPiece, 1);
      // A piece that is there twice could only be a planted one: the token is not to be guessed together.
      if (values.length !== 1 && twin === undefined) return undefined;
      const piece = values[Math.min(twin ?? 0, values.length - 1)];
      if (piece === undefined) return undefined;
      token += piece;
    }
    return { token, count };
  }

  /**
   * How many cookies a token of this length takes that is to come after this header, beside the other cookies in it.
   *
   * @throws {SessionError} `ERR_TOO_LARGE` if browsers would not keep them, or a server refuse a request that carries them.
   */
  count(length: number, header: string | null): number {
    const count = this.#count(length);
    const bytes = this.#others(header) + this.#bytes(count, length);
    // What makes a request no larger than this one, which was read, is not refused.
    if (bytes <= Math.max(this.#mostBytes, header?.length ?? 0)) return count;
    throw new SessionError(
      "ERR_TOO_LARGE",
      `Cannot save the session: the Cookie header would take ${bytes} bytes with it, over the limit of ${this.#mostBytes} (maxHeaderBytes)`,
    );
  }

  /** What a token in so many pieces takes in a header, names and what stands between included. */
  #bytes(count: number, length: number): number {
    let bytes = count === 1 ? length : `${count}.`.length + length;
    for (let i = 0; i < count; i++) bytes += this.#name(i).length + "=; ".length;
    return bytes - "; ".length;
  }

  /** What a header takes without the cookies of ours. */
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

  /** The fields that set a token, and clear the pieces of an older, longer one. */
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

  /** The fields that clear what a request carries under our names, from a given piece on. */
  clear(header: string | null, from = 0): string[] {
    return this.#carried(header, from).map((name) => this.#cookie.clear(name));
  }

  /** The fields that clear what has no domain beside what has one. */
  clearTwins(header: string | null): string[] {
    if (!this.#cookie.hasTwin) return [];
    return this.#carried(header).map((name) => this.#cookie.clearTwin(name));
  }

  /** The names of ours that a request carries, from a given piece on. */
  #carried(header: string | null, from = 0): string[] {
    const most = header?.includes(`${this.#cookie.name}.`) ? mostChunks : 1;
    const names = Array.from({ length: Math.max(0, most - from) }, (_, i) => this.#name(from + i));
    return names.filter((name) => readCookie(header, name, never, 0).isPresent);
  }
}
