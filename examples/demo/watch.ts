/** Watches what the library does for each request: its calls to the store and to WebCrypto, and the headers it adds. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import type { SessionStore } from "../../mod.ts";

/** The demo's cookie: no prefix, as it speaks plain http. */
export const cookieName = "sid";

/** One call to the store. */
interface StoreCall {
  readonly name: string;
  /** How long it took, in milliseconds. */
  ms: number;
}

/** One request, and what was done for it, without ids, secrets or data. */
export interface Trace {
  readonly method: string;
  readonly path: string;
  readonly store: readonly StoreCall[];
  /** The names of the functions of `crypto.subtle`, in the order of their calls. */
  readonly crypto: readonly string[];
  readonly status: number;
  /** How long the whole response took, in milliseconds. */
  readonly ms: number;
  /** What was added to the handler's response, without the cookie's value. */
  readonly headers: readonly (readonly [string, string])[];
}

/** What is recorded while a request runs. */
interface Notes {
  readonly store: StoreCall[];
  readonly crypto: string[];
  /** The headers that the handler gave its response. */
  own: Headers;
}

type Handler = (request: Request) => Response | Promise<Response>;

const current = new AsyncLocalStorage<Notes>();
const storeCalls = [
  "load",
  "create",
  "save",
  "delete",
  "touch",
  "clearExpired",
  "list",
  "close",
] as const;
const cryptoCalls = [
  "decrypt",
  "deriveBits",
  "deriveKey",
  "digest",
  "encrypt",
  "importKey",
  "sign",
  "verify",
] as const;
const watching = new WeakSet<object>();

/** The same store; each call is recorded with the request that made it. */
export function watchStore(store: SessionStore): SessionStore {
  const watched = Object.create(store);
  watched.onEvict = store.onEvict?.bind(store);
  for (const name of storeCalls) {
    const method = store[name] as ((...args: unknown[]) => unknown) | undefined;
    if (method === undefined) continue;
    watched[name] = (...args: unknown[]) => {
      const call = { name, ms: 0 };
      current.getStore()?.store.push(call);
      const began = performance.now();
      const ended = () => void (call.ms = performance.now() - began);
      const answer = method.apply(store, args);
      if (answer instanceof Promise) answer.then(ended, ended);
      else ended();
      return answer;
    };
  }
  return watched;
}

/** Records the calls of `crypto.subtle` too. For this demo only: an application should not do this. */
function watchCrypto(): void {
  for (const name of cryptoCalls) {
    const real = crypto.subtle[name] as (...args: unknown[]) => unknown;
    if (watching.has(real)) continue;
    const value = (...args: unknown[]) => {
      current.getStore()?.crypto.push(name);
      return real.apply(crypto.subtle, args);
    };
    watching.add(value);
    Object.defineProperty(crypto.subtle, name, { value, configurable: true, writable: true });
  }
}

/** The last requests of each visitor, in memory only. */
export class Watch {
  readonly #visitors = new Map<string, readonly Trace[]>();

  constructor() {
    watchCrypto();
  }

  /** A visitor's requests, newest first. */
  of(request: Request): readonly Trace[] {
    return this.#visitors.get(visitorOf(request.headers.get("cookie"))) ?? [];
  }

  /** Around the application, inside `wrap`: distinguishes its own headers from those added later. */
  async inside(answer: Promise<Response>): Promise<Response> {
    const response = await answer;
    const notes = current.getStore();
    if (notes !== undefined) notes.own = new Headers(response.headers);
    return response;
  }

  /** Around everything, outside `wrap`: keeps what was done, unless nothing was at that address or it was invalid. */
  outside(handler: Handler): (request: Request) => Promise<Response> {
    return async (request) => {
      const notes: Notes = { store: [], crypto: [], own: new Headers() };
      const began = performance.now();
      const response = await current.run(notes, () => handler(request));
      if (response.status !== 404 && response.status !== 400) {
        this.#keep(request, response, notes, performance.now() - began);
      }
      return response;
    };
  }

  #keep(request: Request, response: Response, { store, crypto, own }: Notes, ms: number): void {
    const headers = [...response.headers].filter(([name, value]) => own.get(name) !== value)
      .map(([name, value]) => [name, name === "set-cookie" ? hidden(value) : value] as const);
    const { pathname: path } = new URL(request.url);
    const trace = { method: request.method, path, store, crypto, status: response.status, ms, headers };
    const before = visitorOf(request.headers.get("cookie"));
    const after = visitorOf(response.headers.getSetCookie()[0] ?? null) || before;
    const traces = [trace, ...this.#visitors.get(before) ?? []].slice(0, 8);
    this.#visitors.delete(before);
    if (after === "") return;
    this.#visitors.set(after, traces);
    if (this.#visitors.size > 500) this.#visitors.delete(this.#visitors.keys().next().value!);
  }
}

/** Stands for the visitor with this cookie; "" for nobody. */
function visitorOf(cookie: string | null): string {
  const value = cookie?.split(/; */).find((pair) => pair.startsWith(`${cookieName}=`))?.slice(
    cookieName.length + 1,
  );
  return value ? createHash("sha256").update(value).digest("base64") : "";
}

/** A `Set-Cookie` without its secret. */
function hidden(cookie: string): string {
  return cookie.replace(/^([^=]*)=[^;]+/, "$1=(hidden)");
}
