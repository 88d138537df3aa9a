/** Converts a Django session for a store of this library: the id it is found by, and its record. */

import { toBase64url } from "../../../src/crypto/base64url.ts";
import { strictJson } from "../../../src/codec.ts";
import type { Secrets } from "../../../src/crypto/signer.ts";
import { type RecordMeta, withMeta } from "../../../src/data/record_head.ts";
import { withProofs } from "../../../src/transport/id_proofs.ts";
import type { SessionRecord } from "../../../src/store.ts";
import { proofOf, storageKey } from "../../../src/crypto/session_id.ts";
import { Envelope } from "../format/signed_object.ts";
import { authKeys, type DataSettings, expiryKey, expiryOf, userIdOf } from "../format/session_format.ts";
import { readMembers, writeMembers } from "../format/python_json.ts";

/** One row of the table, as far as it is readable. */
export interface SourceRow {
  readonly key: unknown;
  readonly text: unknown;
  /** When it ends, in milliseconds. */
  readonly end: number | undefined;
}

/** The outcome of a row; `key` is the storage key. */
export type Imported =
  | { readonly kind: "session"; readonly key: string; readonly record: SessionRecord }
  | { readonly kind: "expired" }
  | { readonly kind: "unreadable"; readonly key: string };

/** A session key in Django's format. */
export function isDjangoKey(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9]{32}$/.test(value);
}

/**
 * The id of an imported session: a hash of its Django key. No random id of the library is one of these, so a Django key
 * leads only to an imported session.
 */
export async function importedId(key: string): Promise<string> {
  const bytes = new TextEncoder().encode(`sojourn session imported from Django 1\n${key}`);
  return toBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 24));
}

/** Turns rows into records. */
export class Importer {
  readonly #envelope: Envelope;
  readonly #settings: DataSettings;

  constructor(secrets: Secrets, settings: DataSettings) {
    this.#envelope = new Envelope(secrets, "django.contrib.sessions.SessionStore");
    this.#settings = settings;
  }

  /** Converts a row, as of `now` in milliseconds. */
  async convert({ key: djangoKey, text, end }: SourceRow, now: number): Promise<Imported> {
    const id = await importedId(String(djangoKey));
    const [key, proof] = await Promise.all([storageKey(id), proofOf(id)]);
    const unreadable = { kind: "unreadable", key } as const;
    if (end === undefined || typeof text !== "string" || !isDjangoKey(djangoKey)) return unreadable;
    if (end <= now) return { kind: "expired" };
    const opened = await this.#envelope.open(text);
    if (typeof opened === "string") return unreadable;
    try {
      return { kind: "session", key, record: this.#record(opened.json, proof, end, now) };
    } catch {
      return unreadable; // such as a NaN, which is not JSON
    }
  }

  #record(json: string, proof: string, end: number, now: number): SessionRecord {
    const { cookieAge, useTz } = this.#settings;
    const members = readMembers(json);
    const valueOf = (name: string) => members.get(name)?.value;
    const textOf = (name: string) => {
      const value = valueOf(name);
      return typeof value === "string" && value !== "" ? value : undefined;
    };
    const expiry = expiryOf(valueOf(expiryKey), useTz);
    const stamp = textOf(authKeys.hash);
    const userId = userIdOf(valueOf(authKeys.id));
    const notes: RecordMeta = {
      ...expiry === undefined ? {} : { expiry },
      ...stamp === undefined ? {} : { stamp },
    };
    // The expiry becomes metadata of the record; all other data is kept exactly as it is
    const data = writeMembers(
      Array.from(members, ([name, { text }]) => [name, text] as const).filter(([name]) => name !== expiryKey),
    );
    strictJson.decode(data);
    // Django does not store the time of the last save: it follows from the expiry
    const age = typeof expiry === "object" ? 0 : expiry || cookieAge;
    const saved = Math.floor(end - age * 1000);
    const touchedAt = saved > 0 && saved < now ? saved : now;
    return {
      data,
      head: withProofs(withMeta(undefined, notes), { proof, since: now, logins: 0, formers: [] }),
      ...userId === undefined ? {} : { userId },
      createdAt: touchedAt,
      touchedAt,
      expiresAt: Math.floor(end),
    };
  }
}
