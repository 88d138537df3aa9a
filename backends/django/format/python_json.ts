/** The JSON of Python's `json.dumps(separators=(",", ":"))`, read and written without losing a number or the order of keys. */

import { SessionError } from "../../../src/errors.ts";

/** The most levels that one value may have. */
const maxDepth = 500;
/** Python refuses to read an integer with more digits than this. */
const maxDigits = 4300;
const hasTooManyDigits = (text: string) => text.length - Number(text.startsWith("-")) > maxDigits;

const escapes: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

function writeText(text: string): string {
  const escaped = text.replace(
    /["\\]|[^ -~]/g,
    (one) => escapes[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

/** A number as Python writes it: an integer where that is exact, otherwise the `repr` of a float. */
function writeNumber(number: number): string {
  if (Number.isSafeInteger(number) && !Object.is(number, -0)) return String(number);
  if (!Number.isFinite(number)) return String(number);
  const sign = number <= 0 ? "-" : ""; // of the zeros, only -0 comes here
  const [mantissa, power] = Math.abs(number).toExponential().split("e");
  const digits = mantissa!.replace(".", "");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const point = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${point}e${power![0]}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

function refuse(path: string, why: string): never {
  throw new SessionError("ERR_SERIALIZE", `Cannot store the value at "${path}": ${why}`);
}

function writeAny(value: unknown, path: string, above: object[]): string {
  switch (typeof value) {
    case "string":
      return writeText(value);
    case "number":
      return writeNumber(value);
    case "boolean":
      return String(value);
    case "bigint":
      if (hasTooManyDigits(String(value))) refuse(path, `it has more than ${maxDigits} digits`);
      return String(value);
    case "object":
      if (value === null) return "null";
      break;
    default:
      refuse(path, `JSON has no ${typeof value}`);
  }
  if (above.includes(value)) refuse(path, "it contains itself");
  if (above.length === maxDepth) refuse(path, `it is nested deeper than ${maxDepth} levels`);
  above.push(value);
  const text = Array.isArray(value) ? writeArray(value, path, above) : writeObject(value, path, above);
  above.pop();
  return text;
}

function writeArray(array: readonly unknown[], path: string, above: object[]): string {
  if (Object.getPrototypeOf(array) !== Array.prototype) refuse(path, "it is not a plain array");
  if (Reflect.ownKeys(array).length !== array.length + 1) {
    refuse(path, "the array is sparse or has properties of its own");
  }
  return `[${array.map((item, index) => writeAny(item, `${path}[${index}]`, above)).join()}]`;
}

function writeObject(object: object, path: string, above: object[]): string {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    const hint = object instanceof Date ? "; store getTime() or toISOString()" : "";
    refuse(path, `it is a ${prototype.constructor?.name || "class instance"}, not a plain object${hint}`);
  }
  const entries = Object.entries(object);
  if (Reflect.ownKeys(object).length !== entries.length) {
    refuse(path, "it has symbol keys or hidden properties");
  }
  const members = entries.map(([key, item]) =>
    `${writeText(key)}:${writeAny(item, `${path}.${JSON.stringify(key)}`, above)}`
  );
  return `{${members.join()}}`;
}

/**
 * One value of a session as Python would write it. `bigint`s are integers; `NaN` and the infinities are Python's.
 *
 * @throws {SessionError} If JSON cannot restore the value (`ERR_SERIALIZE`).
 */
export function writeJson(value: unknown, key: string): string {
  try {
    return writeAny(value, key, []);
  } catch (error) {
    if (error instanceof SessionError) throw error;
    throw new SessionError("ERR_SERIALIZE", "Cannot store a value that throws while it is read");
  }
}

/** An object as Python would write it, from the texts of its values. */
export function writeMembers(texts: Iterable<readonly [string, string]>): string {
  return `{${Array.from(texts, ([key, text]) => `${writeText(key)}:${text}`).join()}}`;
}

const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const words: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
];

/** Reads what Python's `json.loads` reads; throws a `SyntaxError` at anything else. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** A text with one value. */
  all(): unknown {
    const value = this.value(0);
    this.#skip();
    return this.#at === this.#text.length ? value : this.#fail();
  }

  /** The values of a text that is an object, each with its own text. */
  members(): Map<string, { readonly value: unknown; readonly text: string }> {
    const members = new Map<string, { readonly value: unknown; readonly text: string }>();
    this.#skip();
    if (this.#text[this.#at] !== "{") this.#fail();
    this.#object(0, (key, value, text) => members.set(key, { value, text }));
    this.#skip();
    return this.#at === this.#text.length ? members : this.#fail();
  }

  value(depth: number): unknown {
    this.#skip();
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first === "{") {
      const object: Record<string, unknown> = {};
      this.#object(depth + 1, (key, value) => {
        // An assignment to __proto__ would call a setter.
        if (key !== "__proto__") object[key] = value;
        else {
          Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
        }
      });
      return object;
    }
    if (first === "[") return this.#array(depth + 1);
    for (const [word, value] of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#number();
  }

  #object(depth: number, add: (key: string, value: unknown, text: string) => void): void {
    this.#list(depth, "}", () => {
      this.#skip();
      if (this.#text[this.#at] !== '"') this.#fail();
      const key = this.#string();
      this.#skip();
      if (this.#text[this.#at++] !== ":") this.#fail();
      this.#skip();
      const start = this.#at;
      const value = this.value(depth);
      add(key, value, this.#text.slice(start, this.#at));
    });
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#list(depth, "]", () => items.push(this.value(depth)));
    return items;
  }

  /** The elements between an opening bracket and its closing one, separated by commas. */
  #list(depth: number, end: string, item: () => void): void {
    if (depth > maxDepth) this.#fail();
    this.#at++;
    this.#skip();
    if (this.#text[this.#at] !== end) {
      for (;;) {
        item();
        this.#skip();
        if (this.#text[this.#at] !== ",") break;
        this.#at++;
      }
    }
    if (this.#text[this.#at++] !== end) this.#fail();
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) this.#fail();
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    const inside = this.#text.slice(start + 1, end);
    return /^[ !#-[\]-~]*$/.test(inside) ? inside : JSON.parse(`"${inside}"`);
  }

  /** Whether an odd number of backslashes precedes a position. */
  #isEscaped(at: number): boolean {
    let before = at;
    while (this.#text[before - 1] === "\\") before--;
    return (at - before) % 2 === 1;
  }

  #number(): number | bigint {
    number.lastIndex = this.#at;
    const [text, fraction, exponent] = number.exec(this.#text) ?? this.#fail();
    this.#at = number.lastIndex;
    const value = Number(text);
    if (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(value)) return value;
    return hasTooManyDigits(text) ? this.#fail() : BigInt(text);
  }

  #skip(): void {
    for (;; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return;
    }
  }

  #fail(): never {
    throw new SyntaxError("This is not the JSON of a session");
  }
}

/**
 * The value of a text. Integers that a `number` cannot hold are `bigint`s.
 *
 * @throws {SyntaxError} If it is not JSON.
 */
export function readJson(text: string): unknown {
  return new Reader(text).all();
}

/**
 * The values of a text that is an object, in their order, each with the text it was read from.
 *
 * @throws {SyntaxError} If it is not a JSON object.
 */
export function readMembers(text: string): Map<string, { readonly value: unknown; readonly text: string }> {
  return new Reader(text).members();
}
