/** What a session holds while it is worked on, and how that becomes the text of a record and comes back. */

import { type Codec, refuse, rootOf, strictJson } from "../codec.ts";
import { type Difference, difference, leftOut } from "./equal.ts";
import { SessionError } from "../errors.ts";
import type { SessionAge } from "./lifetime.ts";
import { metaOf, type RecordMeta } from "./record_head.ts";
import type { SessionRecord } from "../store.ts";
import { ParsedValues, storedOf, toMap, toPlain, type Values } from "./values.ts";

/** A session's content, open to change. */
export interface Draft extends SessionAge {
  readonly values: Values;
  meta: RecordMeta;
  userId: string | undefined;
  createdAt: number;
  touchedAt: number;
  /** The text that its values were read from, if they are as they were read, but for some that are no objects. */
  source?: string | undefined;
}

/** How drafts become the text of a record and come back. */
export interface DataFormat {
  /** A draft of these values; what `base` says of them counts where the values do not say it themselves. */
  draft(values: Values, base: SessionAge): Draft;
  /** The draft in a record. @throws {SessionError} `ERR_DAMAGED`, or `ERR_STORE` for a newer format. */
  read(record: SessionRecord): Draft;
  /** The text of the values for a record. @throws {SessionError} `ERR_SERIALIZE` or `ERR_TOO_LARGE`. */
  write(draft: Draft): string;
  /** One value as text, which is also the proof that it can be carried. @throws {SessionError} `ERR_SERIALIZE`. */
  encodeValue(key: string, value: unknown): string;
  /** Whether a value is no object and can be carried for certain: a look that saves the encoding of most values that are set. */
  isPlain?(value: unknown): boolean;
  /** Refuses a value that its text does not give back equal; there if the encoding alone does not prove it. @throws {SessionError} `ERR_SERIALIZE`. */
  readonly requireEqual?: ((key: string, value: unknown, text: string) => void) | undefined;
  /** A fresh copy of a value. */
  decodeValue(key: string, text: string): unknown;
}

/** The library's own: what the codec makes of the values, with the meta in the head of the record. */
export class Format implements DataFormat {
  readonly #codec: Codec;
  readonly #maxBytes: number;
  readonly requireEqual: DataFormat["requireEqual"];

  constructor(codec: Codec, maxBytes: number) {
    this.#codec = codec;
    this.#maxBytes = maxBytes;
    // Strict JSON has looked already.
    if (codec !== strictJson) this.requireEqual = (key, value, text) => requireEqual(codec, key, value, text);
  }

  draft(values: Values, { meta, userId, createdAt, touchedAt }: SessionAge): Draft {
    return { values, meta, userId, createdAt, touchedAt };
  }

  read(record: SessionRecord): Draft {
    const { data } = record;
    const meta = metaOf(record.head);
    const isStrict = this.#codec === strictJson;
    let values: Values;
    try {
      const object = asData(this.#codec.decode(data));
      values = isStrict ? new ParsedValues(object) : toMap(object);
    } catch {
      // The parser's own message would quote the data.
      throw new SessionError("ERR_DAMAGED", "Stored session data cannot be decoded");
    }
    const { userId, createdAt, touchedAt } = record;
    return { values, meta, userId, createdAt, touchedAt, source: isStrict ? data : undefined };
  }

  write(draft: Draft): string {
    const plain = toPlain(storedOf(draft.values));
    const data = writeKnown(plain, draft.source) ?? this.#encode(plain);
    const { length } = data;
    if (length * 3 > this.#maxBytes) {
      const bytes = length > this.#maxBytes ? length : new TextEncoder().encode(data).length;
      if (bytes > this.#maxBytes) {
        throw new SessionError(
          "ERR_TOO_LARGE",
          `Cannot save the session: its data takes ${bytes} bytes or more, over the limit of ${this.#maxBytes}`,
        );
      }
    }
    return data;
  }

  encodeValue(key: string, value: unknown): string {
    return this.#encode({ [key]: value });
  }

  isPlain(value: unknown): boolean {
    return this.#codec === strictJson &&
      (typeof value === "boolean" || typeof value === "string" ||
        typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0));
  }

  decodeValue(key: string, text: string): unknown {
    return this.#codec.decode(text)[key];
  }

  #encode(data: Record<string, unknown>): string {
    let text: unknown;
    try {
      text = this.#codec.encode(data);
    } catch (error) {
      if (error instanceof SessionError) throw error;
      throw new SessionError("ERR_SERIALIZE", "Cannot store a value that the codec refuses");
    }
    // Most stores keep UTF-8, which has no lone surrogates.
    if (typeof text === "string" && text.isWellFormed()) return text;
    throw new SessionError("ERR_SERIALIZE", "Cannot store the session: encode must return well-formed text");
  }
}

/**
 * The text of values that need no look, because `JSON.parse` gave them; `undefined` if one of them may be a number that `JSON.stringify`
 * would change: -0, which it writes as 0, or Infinity for one that is too large, which it writes as null.
 */
function writeKnown(values: Record<string, unknown>, source: string | undefined): string | undefined {
  if (source === undefined) return undefined;
  // First a quick look that strings may set off too (dates, UUIDs), then an exact one, which is dear.
  if (/-(?:0|[\d.]*[eE])/.test(source) && /[:,[]\s*-(?:0|[\d.]*[eE])/.test(source)) return undefined;
  const text = JSON.stringify(values);
  return text.includes("null") && /\d[eE]\+?\d{3}|\d{300}/.test(source) ? undefined : text;
}

function requireEqual(codec: Codec, key: string, value: unknown, text: string): void {
  let found: Difference | undefined;
  try {
    const data = asData(codec.decode(text));
    found = Object.hasOwn(data, key) ? difference(value, data[key], rootOf(key)) : leftOut(rootOf(key));
  } catch {
    found = { path: rootOf(key), why: "the codec cannot give it back" };
  }
  if (found !== undefined) refuse(found.path, found.why);
}

/** What a codec decoded, if it can be session data. */
function asData(value: unknown): Record<string, unknown> {
  const isData = typeof value === "object" && value !== null && !Array.isArray(value) &&
    typeof (value as { then?: unknown }).then !== "function";
  if (isData) return value as Record<string, unknown>;
  throw new TypeError("Cannot use what the codec decoded: expected an object");
}
