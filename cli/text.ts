/** Formats text for people: numbers, times, bars and colours, without characters that could control a terminal. */

import type { Io } from "./io.ts";

const hour = 3_600_000;
const units = [
  ["year", 365 * 24 * hour],
  ["day", 24 * hour],
  ["hour", hour],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** A number with separated thousands. */
export function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** "1 session", "2 sessions". */
export function count(value: number, one: string, many: string = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** A span of ms in its largest unit, rounded down, from two of that unit on: "90 minutes", "2 hours". */
export function span(ms: number): string {
  const [name, size] = units.find(([, size]) => ms >= 2 * size) ?? units[units.length - 1]!;
  return count(Math.max(0, Math.floor(ms / size)), name);
}

/** Bytes with a unit: "900 bytes", "1.2 MiB". */
export function bytes(value: number): string {
  let size = value;
  let unit = "bytes";
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return `${unit === "bytes" ? number(Math.round(size)) : size.toFixed(1)} ${unit}`;
}

/** A bar of `width` characters, filled for a share from 0 to 1; an eighth of a character is its finest step. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8);
  const least = share > 0 && eighths === 0 ? 1 : eighths; // a share above 0 is visible
  return "█".repeat(Math.floor(least / 8)) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][least % 8];
}

/** Without control and formatting characters: a label comes from a browser, and could steer the terminal. */
export function plain(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}

/** At most `width` characters. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(1, width - 1)).join("")}…`;
}

/** Words in lines of at most `width` characters; lines after the first begin with `indent` spaces. */
export function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const room = width - indent;
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

/** One line of JSON in which invisible characters are escaped. */
export function json(value: unknown): string {
  const escape = (character: string) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join("");
  return `${JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escape)}\n`;
}

/** A colour, where there are colours. */
export function paint(io: Io, colour: keyof typeof colours, text: string): string {
  return io.colours ? `\x1b[${colours[colour]}m${text}\x1b[0m` : text;
}

const colours = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
