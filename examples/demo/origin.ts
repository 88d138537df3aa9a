/** Tells the forms of our own pages from those of other sites. */

/**
 * Whether a POST comes from a page of this very origin, or from no browser at all. `SameSite=Lax` keeps the cookie from most
 * forged requests; this is the second layer, and also tells apart what shares our site: other ports, sister hosts.
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  return origin === null || URL.parse(origin)?.host === new URL(request.url).host;
}
