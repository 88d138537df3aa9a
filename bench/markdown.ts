/** Tables as `deno fmt` leaves them, and numbers as people read them. */

/** A table: the first columns hold words, the others numbers. Nothing without rows. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  if (rows.length === 0) return "";
  const widths = head.map((title, i) =>
    Math.max(i < words ? 1 : 3, title.length, ...rows.map((row) => row[i]!.length))
  );
  const pad = (text: string, i: number) => i < words ? text.padEnd(widths[i]!) : text.padStart(widths[i]!);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => i < words ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Two significant digits: more would be noise. */
export function rounded(value: number): string {
  return value < 1 ? "< 1" : Number(value.toPrecision(2)).toLocaleString("en");
}

/** Two significant digits of anything, also of what is small. */
export function short(value: number): string {
  if (Math.abs(value) < 0.005) return "0";
  const shown = Number(value.toPrecision(2));
  return Math.abs(shown) >= 100
    ? shown.toLocaleString("en")
    : Math.abs(shown) >= 10
    ? shown.toFixed(0)
    : shown.toFixed(
      Math.abs(shown) >= 1 ? 1 : 2,
    );
}

/** A share, with two digits after the point; a very small one with three. */
export function share(value: number): string {
  return value.toFixed(value < 0.1 ? 3 : 2);
}
