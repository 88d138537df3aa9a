/** Django's session data as a draft: everything is in the data, the expiry and the user too. */

import { SessionError } from "../../../src/errors.ts";
import type { SessionAge } from "../../../src/data/lifetime.ts";
import type { RecordMeta } from "../../../src/data/record_head.ts";
import type { DataFormat, Draft } from "../../../src/data/format.ts";
import type { SessionRecord } from "../../../src/store.ts";
import { storedOf, type Values } from "../../../src/data/values.ts";
import { readDate, toExpiry } from "./dates.ts";
import { readJson, readMembers, writeJson, writeMembers } from "./python_json.ts";

/** Django's key for a session's own expiry. */
export const expiryKey = "_session_expiry";
/** The keys of `django.contrib.auth` for the logged-in user. */
export const authKeys = {
  id: "_auth_user_id",
  backend: "_auth_user_backend",
  hash: "_auth_user_hash",
} as const;

/** The first character of a JSON object. No pickle begins with it, whatever its protocol. */
const jsonBegins = /^[\s{["\-0-9tfnNI]/;

/** The site's settings that decide how data is read. */
export interface DataSettings {
  /** `SESSION_COOKIE_AGE`, in seconds. */
  readonly cookieAge: number;
  /** `USE_TZ`. */
  readonly useTz: boolean;
}

/** Reads and writes session data in Django's format. */
export class DjangoFormat implements DataFormat {
  readonly #settings: DataSettings;
  /** The texts that values were read from: an unchanged value is written back exactly as it was. */
  readonly #spelled = new WeakMap<Values, ReadonlyMap<string, string>>();

  constructor(settings: DataSettings) {
    this.#settings = settings;
  }

  draft(values: Values, { createdAt, touchedAt }: SessionAge): Draft {
    const { useTz } = this.#settings;
    // As stored: a schema does not need to declare these.
    const stored = (key: string) => storedOf(values).get(key);
    return {
      values,
      createdAt,
      touchedAt,
      get meta(): RecordMeta {
        const expiry = expiryOf(stored(expiryKey), useTz);
        return expiry === undefined ? {} : { expiry };
      },
      set meta({ expiry }: RecordMeta) {
        if (expiry === undefined) values.delete(expiryKey);
        else values.set(expiryKey, typeof expiry === "object" ? toExpiry(expiry.at, useTz) : expiry);
      },
      get userId(): string | undefined {
        return userIdOf(stored(authKeys.id));
      },
      set userId(id: string | undefined) {
        if (id === undefined) values.delete(authKeys.id);
        else values.set(authKeys.id, id);
      },
    };
  }

  read({ data, createdAt, touchedAt, expiresAt }: SessionRecord): Draft {
    let members;
    try {
      members = readMembers(data);
    } catch {
      if (data === "" || jsonBegins.test(data)) {
        throw new SessionError("ERR_DAMAGED", "Stored session data cannot be decoded");
      }
      throw new SessionError(
        "ERR_UNSUPPORTED",
        "The Django site writes its sessions as something else than JSON, pickles most likely, which cannot be shared: " +
          'set its SESSION_SERIALIZER to "django.contrib.sessions.serializers.JSONSerializer"',
      );
    }
    const values = new Map<string, unknown>();
    const spelled = new Map<string, string>();
    for (const [key, { value, text }] of members) {
      values.set(key, value);
      spelled.set(key, text);
    }
    this.#spelled.set(values, spelled);
    const draft = this.draft(values, { meta: {}, userId: undefined, createdAt, touchedAt });
    // Django does not store the last activity: it follows from the expiry.
    const { expiry } = draft.meta;
    const age = typeof expiry === "number" && expiry !== 0 ? expiry : this.#settings.cookieAge;
    draft.touchedAt = Math.min(touchedAt, expiresAt - age * 1000);
    return draft;
  }

  write(draft: Draft): string {
    const values = storedOf(draft.values);
    const spelled = this.#spelled.get(values);
    const texts = Array.from(values, ([key, value]): [string, string] => {
      const text = writeJson(value, key);
      const before = spelled?.get(key);
      const isSame = before !== undefined && before !== text && writeJson(readJson(before), key) === text;
      return [key, isSame ? before : text];
    });
    return writeMembers(texts);
  }

  encodeValue(key: string, value: unknown): string {
    return writeJson(value, key);
  }

  decodeValue(_key: string, text: string): unknown {
    return readJson(text);
  }

  /** The expiry of a session written at the given instant; both in milliseconds. */
  endOf(values: Values, savedAt: number): number {
    const expiry = expiryOf(values.get(expiryKey), this.#settings.useTz);
    if (typeof expiry === "object") return expiry.at;
    return savedAt + (expiry || this.#settings.cookieAge) * 1000;
  }
}

/** The user whose primary key this is, as text: other writers keep a number, which Django reads as well. */
export function userIdOf(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "bigint" || Number.isInteger(value) ? String(value) : undefined;
}

/** The most seconds that `_session_expiry` counts for: from the first to the last of Python's dates. */
const mostSeconds = 10_000 * 366 * 86_400;

/** What `_session_expiry` means; nothing for what Django would not have written. */
export function expiryOf(value: unknown, useTz: boolean): NonNullable<RecordMeta["expiry"]> | undefined {
  if (typeof value === "number") {
    return Number.isFinite(value) ? Math.max(-mostSeconds, Math.min(value, mostSeconds)) : undefined;
  }
  const at = typeof value === "string" ? readDate(value, useTz) : undefined;
  return at === undefined ? undefined : { at };
}
