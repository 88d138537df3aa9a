/**
 * Sessions in the cookie itself: sealed with AES-256-GCM, no record on the server.
 *
 * Two answers that overlap and come from different servers: the browser keeps the cookie that arrives last, and the changes in the
 * other are lost. (Within one process they are merged.) If that matters, keep sessions on the server.
 *
 * @module
 */

import { checkOptions, refuse, type Table } from "../src/option_checks.ts";
import * as is from "../src/option_checks.ts";
import { type CarriedStore, makeTransport, type TransportingStore } from "../src/transport/transport.ts";
import type { SessionStore } from "../src/store.ts";
import { CookieTransport, type NotBefore } from "./cookie/cookie_transport.ts";
import { leastHeaderBytes, maxHeaderBytes, mostChunks } from "./cookie/chunks.ts";

/** What `new CookieStore` takes. */
export interface CookieStoreOptions {
  /**
   * How log-out ends a copy of the cookie too: a store that remembers ended ids (one look-up per request that uses its session), an
   * instant per user (your function ends copies: raise its answer when the user logs out), or `"none"`, spelled out: a copied cookie then works until its limits, also after log-out.
   *
   * A store that forgets would bring ended sessions back: a `MemoryStore` is taken with `maxEntries: Infinity` only, and remembers until
   * the process ends; a `CachedStore` counts as its durable store. A Redis server needs `maxmemory-policy noeviction`.
   */
  readonly revocation: SessionStore | NotBefore | "none";
  /** Over how many cookies, of 4,096 bytes each, a session may be spread: 1 to 20. `maxHeaderBytes` counts too. @default 1 */
  readonly chunks?: number;
  /**
   * The most bytes of a request's `Cookie` header, 1,024 at least: the session's cookies with their names, and the other cookies that the
   * request carries. What would be more is `ERR_TOO_LARGE` at the save, since a server that refuses the browser's next requests
   * refuses its log-out as well; what makes the header no longer than it is, is saved.
   *
   * The default leaves room for the other headers, and holds for Bun and Node (16 KiB for the head of a request), for Deno (the same over
   * HTTP/2, 64 KiB over HTTP/1.1), nginx (8 KiB for one header) and Apache (8,190 bytes). Raise it where yours takes more.
   *
   * @default 8_000
   */
  readonly maxHeaderBytes?: number;
  /** `false`: only signed, so anyone who has the cookie can read it, as with Django's signed cookies. @default true */
  readonly seal?: boolean;
}

const by = "CookieStore";
const oracle = is.having("", ["notBefore"]);
const table: Table<CookieStoreOptions, "revocation"> = {
  revocation: [is.required(is.kind(
    'a session store, { notBefore(userId) } or "none"',
    (value) => value === "none" || is.isStore(value) || oracle.problem(value) === undefined,
  ))],
  chunks: [is.whole(1, mostChunks), 1],
  maxHeaderBytes: [is.whole(leastHeaderBytes), maxHeaderBytes],
  seal: [is.flag, true],
};

/**
 * Keeps each session in its own cookie: for small data, and servers that have nowhere to keep it. About 3,000 bytes of data fit in one
 * cookie; more is `ERR_TOO_LARGE`. `open` and `list` are `ERR_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { createSessions } from "@sojourn/session";
 * import { CookieStore } from "@sojourn/session/cookie";
 * import { SqliteStore } from "@sojourn/session/sqlite";
 * import assert from "node:assert/strict";
 *
 * await using ended = await SqliteStore.open(":memory:"); // or a path, to remember beyond the process
 * const store = new CookieStore({ revocation: ended });
 * const secrets = [crypto.getRandomValues(new Uint8Array(32))];
 * const sessions = createSessions<{ theme: string }>({ store, secrets });
 * const answer = await sessions.wrap(async (request) => {
 *   (await request.session).set("theme", "dark");
 *   return new Response();
 * })(new Request("https://localhost/"));
 * assert.doesNotMatch(answer.headers.get("set-cookie")!, /dark/);
 * ```
 */
export class CookieStore implements CarriedStore {
  /**
   * What it does instead of keeping records.
   *
   * @deprecated Nothing reads it.
   */
  readonly carries = "sessions in the cookie";

  /**
   * A store whose sessions are in their cookies.
   *
   * @throws {TypeError} If the choice of revocation is missing or is a store that forgets, or an option is unknown or of another type.
   * @throws {RangeError} If `chunks` is not a whole number from 1 to 20, or `maxHeaderBytes` none from 1,024.
   */
  constructor(options: CookieStoreOptions) {
    const { revocation, chunks, maxHeaderBytes, seal } = checkOptions(by, table, options);
    const store = is.isStore(revocation) ? revocation : undefined;
    if (store?.forgets) {
      refuse(
        by,
        "revocation must not forget which sessions have ended; new MemoryStore({ maxEntries: Infinity }) remembers until the process ends, and any durable store for good",
        "a store that drops records to make room",
      );
    }
    const notBefore = revocation === "none" || store !== undefined
      ? undefined
      : (userId: string) => (revocation as NotBefore).notBefore(userId);
    const maker: TransportingStore = {
      [makeTransport]: (context) =>
        new CookieTransport(context, { store, notBefore }, { chunks, maxHeaderBytes }, seal),
    };
    Object.assign(this, maker);
  }

  /** Does nothing: the revocation store was handed in. */
  close(): void {}

  /** Does nothing. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

export type { NotBefore } from "./cookie/cookie_transport.ts";
export type { CarriedStore } from "../src/transport/transport.ts";
export type { IndexedRecord, MaybePromise, SessionRecord, SessionStore, StoredRecord } from "../src/store.ts";
