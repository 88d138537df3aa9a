/** Puts cookies, `Vary` and `Cache-Control` on any legal `Response`, in place where that is possible. */

import { mustBeRebuilt, rangeOf, rebuiltBody } from "./response_body.ts";
import type { Events } from "../events.ts";

/** Marks headers as made from a session: no cache may show them to somebody else (SR-066, SR-067). */
export function markPrivate(headers: Headers): { readonly tookAway: boolean } {
  const varies = /(^|,)\s*(\*|cookie)\s*(,|$)/i.test(headers.get("vary") ?? "");
  if (!varies) headers.append("vary", "Cookie");
  const given = headers.get("cache-control");
  if (given === null) {
    headers.append("cache-control", "private, no-cache");
    return { tookAway: false };
  }
  const directives =
    given.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g)?.map((text) => text.trim()).filter(Boolean) ?? [];
  const name = (directive: string) => directive.split("=")[0]!.trim().toLowerCase();
  const isPrivate = directives.some((text) => ["private", "no-store"].includes(text.toLowerCase()));
  const shared = isPrivate ? ["public", "s-maxage"] : ["public", "s-maxage", "immutable"];
  const kept = directives.filter((directive) => !shared.includes(name(directive)));
  const tookAway = kept.length < directives.length;
  if (!isPrivate) kept.push("private");
  if (tookAway || !isPrivate) headers.set("cache-control", kept.join(", "));
  return { tookAway };
}

/** What a response was before it got one visitor's cookies, and whose they are. */
interface Original {
  readonly owner: CookieOwner;
  readonly madeAt: number;
  readonly headers: Headers;
}

/** Who puts cookies on a response: a `Sessions` object, for a request whose handling began at some turn. */
export interface CookieOwner {
  readonly owner: object;
  readonly request: Request;
  readonly began: number;
}

const originalOf = Symbol("before its cookies");
type MaybeMarked = { [originalOf]?: Original };
let turn = 0;

/** The next turn in the order of events. */
export function nextTurn(): number {
  return ++turn;
}

/**
 * The answer for this visitor. One that already wore another's cookies when this request came is a constant of the handler's: it
 * is copied as it was before. One that got them since may come from a wrapped handler inside this one, and keeps them.
 */
export function withoutOthersCookies<T>(
  answer: T,
  owner: object,
  request: Request,
  began: number,
  hasCookies = false,
): T {
  const plain = (answer as MaybeMarked | undefined | null)?.[originalOf];
  if (plain === undefined || plain.owner.request === request) return answer;
  const isInner = began < plain.madeAt && !(hasCookies && plain.owner.owner === owner);
  if (isInner) return answer;
  const { status, statusText } = answer as Response;
  const body = request.method === "HEAD" ? null : (answer as Response).clone().body;
  return new Response(body, { status, statusText, headers: plain.headers }) as T;
}

/**
 * The response with a session's headers: the very object where they can be changed and that harms nothing, else a new one with
 * the same status and body.
 */
export function withSession(
  answer: Response,
  wearer: CookieOwner,
  cookies: readonly string[],
  events: Pick<Events, "emit">,
): Response {
  const { owner, request, began } = wearer;
  const response = withoutOthersCookies(answer, owner, request, began, cookies.length > 0);
  if (!(response instanceof Response)) {
    applyHeaders((response as Response).headers, cookies, events);
    return response;
  }
  const range = rangeOf?.(response, request);
  const plain = cookies.length === 0 ? undefined : (response as MaybeMarked)[originalOf] ??
    { owner: wearer, madeAt: nextTurn(), headers: new Headers(response.headers) };
  const isAnew = plain !== undefined && range === undefined && mustBeRebuilt(response);
  if (!isAnew) {
    try {
      rememberOriginal(response, plain);
      applyHeaders(response.headers, cookies, events);
      if (range !== undefined) response.headers.set("content-range", range);
      return response;
    } catch (error) {
      // Deno: the headers of redirects and of fetched responses are immutable. The first change throws, so none was made.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  const { status, statusText } = response;
  const body = isAnew ? rebuiltBody(response) : response.body;
  const headers = new Headers(response.headers);
  if (response.url !== "" && headers.has("content-encoding")) {
    // `fetch` has unpacked the body already, and these two speak of the packed one.
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  applyHeaders(headers, cookies, events);
  const made = new Response(body, { status, statusText, headers });
  rememberOriginal(made, plain);
  return made;
}

function rememberOriginal(response: Response, plain: Original | undefined): void {
  if (plain === undefined || Object.hasOwn(response, originalOf)) return;
  Object.defineProperty(response, originalOf, { value: plain });
}

function applyHeaders(headers: Headers, cookies: readonly string[], events: Pick<Events, "emit">): void {
  if (markPrivate(headers).tookAway) events.emit("cache-control");
  for (const cookie of cookies) headers.append("set-cookie", cookie);
}

/** Lets go of a response that will not be sent (SR-047). */
export function cancelBody(response: Response | undefined): void {
  const body = response?.body;
  if (body && !body.locked) body.cancel().catch(() => {});
}

/** The answer in place of one that could not be completed: 503 for trouble with the store, 409 for a lost race. */
export function errorResponse(code: "ERR_STORE" | "ERR_GONE" | "ERR_CONFLICT"): Response {
  return code === "ERR_STORE"
    ? new Response("Service Unavailable", {
      status: 503,
      headers: { "retry-after": "1", "cache-control": "no-store" },
    })
    : new Response("Conflict", { status: 409, headers: { "cache-control": "no-store" } });
}
