/** Puts cookies, `Vary` and `Cache-Control` on any legal `Response`, in place where that is possible. */

/** Marks headers as made from a session: no cache may show them to somebody else (SR-066, SR-067). */
export function mark(headers: Headers): { readonly tookAway: boolean } {
  const vary = headers.get("vary");
  if (vary === null) headers.append("vary", "Cookie");
  else if (!/(^|,)\s*(\*|cookie)\s*(,|$)/i.test(vary)) headers.append("vary", "Cookie");
  const given = headers.get("cache-control");
  if (given === null) {
    headers.append("cache-control", "private, no-cache");
    return { tookAway: false };
  }
  const directives =
    given.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g)?.map((text) => text.trim()).filter(Boolean) ?? [];
  const name = (directive: string) => directive.split("=", 1)[0]!.trim().toLowerCase();
  const isPrivate = directives.some((text) => ["private", "no-store"].includes(text.toLowerCase()));
  const shared = isPrivate ? ["public", "s-maxage"] : ["public", "s-maxage", "immutable"];
  const kept = directives.filter((directive) => !shared.includes(name(directive)));
  const tookAway = kept.length < directives.length;
  if (!isPrivate) kept.push("private");
  if (tookAway || !isPrivate) headers.set("cache-control", kept.join(", "));
  return { tookAway };
}

/** Statuses that must not have a body (Fetch standard, "null body status"). */
const isBodiless = (status: number) => status === 101 || status === 204 || status === 205 || status === 304;

/**
 * The response with its headers changed: the very object if its headers can be changed, else a copy with the same status
 * and body. (Rebuilding would turn Bun's implicit text/plain into application/octet-stream, so it is the last resort.)
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  try {
    change(response.headers);
    return response;
  } catch (error) {
    // Deno: the headers of redirects and of fetched responses are immutable. The first change throws, so none was made.
    if (!(error instanceof TypeError)) throw error;
  }
  const { status, statusText } = response;
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(isBodiless(status) ? null : response.body, { status, statusText, headers });
}

/** Lets go of a response that will not be sent (SR-047). */
export function discard(response: Response | undefined): void {
  const body = response?.body;
  if (body && !body.locked) body.cancel().catch(() => {});
}

/** The answer in place of one that could not be completed: 503 for trouble with the store, 409 for a lost race. */
export function refusal(code: "ERR_STORE" | "ERR_GONE" | "ERR_CONFLICT"): Response {
  return code === "ERR_STORE"
    ? new Response("Service Unavailable", {
      status: 503,
      headers: { "retry-after": "1", "cache-control": "no-store" },
    })
    : new Response("Conflict", { status: 409, headers: { "cache-control": "no-store" } });
}
