/** A token over several cookies: the count in front of the first, each piece under a name of its own. */

import { type CookieWriter, maxCookieBytes, readCookie } from "../../src/cookie.ts";
import { SessionError } from "../../src/errors.ts";

/** A token as a request carries it. */
export interface Carried {
  readonly token: string;
  /** In how many pieces: part of what is authenticated. */
  readonly count: number;
}

const isFirst = (value: string) => /^(?:[2-9]\.|[1-9]\d\.)?[A-Za-z0-9_-]+$/.test(value);
const isPiece = (value: string) => /^[A-Za-z0-9_-]+$/.test(value);
const never = () => false;

/** More different values than this under the first name are refused unread (SR-016). */
const mostCandidates = 4;

/** The most cookies that a store may be told to use; stale pieces are looked for up to here. */
export const mostChunks = 20;

/** Splits tokens into cookies and joins them again, for one cookie name. */
export class Chunks {
  readonly #cookie: CookieWriter;
  readonly #most: number;

  constructor(cookie: CookieWriter, most: number) {
    this.#cookie = cookie;
    this.#most = most;
  }

  #name(index: number): string {
    return index === 0 ? this.#cookie.name : `${this.#cookie.name}.${index}`;
  }

  /** The tokens that a request may mean; a reason when it carries our cookie and there is none to try. */
  read(header: string | null): { readonly carried: readonly Carried[]; readonly rejected?: string } {
    const first = readCookie(header, this.#name(0), isFirst, mostCandidates);
    if (first.values.length > mostCandidates) return { carried: [], rejected: "ambiguous" };
    const carried = first.values.map((value) => this.#join(header, value)).filter((one) => one !== undefined);
    return carried.length === 0 && first.isCarried ? { carried, rejected: "malformed" } : { carried };
  }

  #join(header: string | null, first: string): Carried | undefined {
    const dot = first.indexOf(".");
    if (dot < 0) return { token: first, count: 1 };
    const count = Number(first.slice(0, dot));
    if (count > this.#most) return undefined;
    let token = first.slice(dot + 1);
    for (let i = 1; i < count; i++) {
      const { values } = readCookie(header, this.#name(i), isPiece, 1);
      // A piece that is there twice could only be a planted one: the token is not to be guessed together.
      if (values.length !== 1) return undefined;
      token += values[0];
    }
    return { token, count };
  }

  /** How many cookies a token of this length takes. @throws {SessionError} `ERR_TOO_LARGE`. */
  count(length: number): number {
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

  /** The fields that clear what a request carries of ours, from a given piece on. */
  clear(header: string | null, from = 0): string[] {
    const fields: string[] = [];
    const most = header?.includes(`${this.#cookie.name}.`) ? mostChunks : 1;
    for (let i = from; i < most; i++) {
      if (readCookie(header, this.#name(i), never, 0).isCarried) {
        fields.push(this.#cookie.clear(this.#name(i)));
      }
    }
    return fields;
  }
}
