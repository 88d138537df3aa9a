/** The rules for reading a `Cookie` header (RFC 6265bis, section 5.6 as servers see it), once more and slowly. */

export const trim = (text: string): string => text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");

/** All pairs of a header, in order. */
export function pairsOf(header: string): [string, string][] {
  return header.split(";").map(trim).filter((piece) => piece.includes("=")).map((piece): [string, string] => {
    const equals = piece.indexOf("=");
    return [trim(piece.slice(0, equals)), trim(piece.slice(equals + 1))];
  }).filter(([name]) => name !== "");
}
