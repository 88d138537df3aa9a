/** Distinguishes forms of our own pages from those of other sites. */

/**
 * Whether a POST comes from a page of this origin, or not from a browser. `SameSite=Lax` keeps the cookie from most
 * forged requests; this is the second layer, and also catches what shares our site: other ports, sister hosts.
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  return origin === null || URL.parse(origin)?.host === new URL(request.url).host;
}
