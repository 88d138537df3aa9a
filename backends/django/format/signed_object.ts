/** Django's signed objects: JSON, compressed if that is shorter, signed with a timestamp. */

import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { deflate, deflateSync, inflate } from "node:zlib";
import { fromBase64url, toBase64url } from "../../../src/crypto/base64url.ts";
import { SessionError } from "../../../src/errors.ts";
import type { Secrets } from "../../../src/crypto/signer.ts";
import { BoundedCache } from "../../../src/bounded_cache.ts";
import type { MaybePromise } from "../../../src/store.ts";
import { DjangoSigner } from "./signing.ts";

/** The maximum bytes of one session's JSON, so that a small text cannot decompress to fill the memory: 16 MiB. */
export const maxJson: number = 16 * 1024 * 1024;
/** Longer texts are not cached, and not compressed synchronously. */
const short = 4096;

/** The contents of a text. */
export interface Opened {
  readonly json: string;
  /** When it was signed, in seconds since the epoch. */
  readonly signedAt: number;
  /** Whether an older secret signed it. */
  readonly hasOldKey: boolean;
}

/** Why a text was refused: the signature is wrong, or the signed text is not a session. */
export type Refused = "forged" | "malformed";

const deflateLater = promisify(deflate);
const inflateLater = promisify(inflate);

/** Compresses short texts synchronously, as another thread would take longer. */
function compress(bytes: Uint8Array): MaybePromise<Uint8Array> {
  return bytes.length <= short ? deflateSync(bytes) : deflateLater(bytes);
}

/** The decompressed bytes; `undefined` if they were not compressed, or are too many. */
function decompress(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  return inflateLater(bytes, { maxOutputLength: maxJson }).catch(() => undefined);
}

/** Signs and reads the sessions of one salt. */
export class Envelope {
  readonly #signer: DjangoSigner;
  /** Texts that were read before, so that they need not be verified again. */
  readonly #opened: BoundedCache<string, Opened> = new BoundedCache(1024);

  constructor(secrets: Secrets, salt: string) {
    this.#signer = new DjangoSigner(secrets, salt);
  }

  /**
   * The text for a session; `now` in milliseconds.
   *
   * @throws {SessionError} If the JSON is over 16 MiB (`ERR_TOO_LARGE`).
   */
  async close(json: string, now: number): Promise<string> {
    const plain = new TextEncoder().encode(json);
    if (plain.length > maxJson) {
      throw new SessionError(
        "ERR_TOO_LARGE",
        `Cannot save the session: its data takes more than ${maxJson} bytes`,
      );
    }
    const packed = await compress(plain);
    const payload = packed.length < plain.length - 1 ? `.${toBase64url(packed)}` : toBase64url(plain);
    const text = await this.#signer.signAt(payload, now);
    this.#remember(text, { json, signedAt: Math.floor(now / 1000), hasOldKey: false });
    return text;
  }

  /** The result of `open`, if it is cached. */
  known(text: string): Opened | undefined {
    return this.#opened.get(text);
  }

  /** The contents of a text. */
  async open(text: string): Promise<Opened | Refused> {
    const known = this.#opened.get(text);
    if (known !== undefined) return known;
    const unsigned = await this.#signer.unsignAt(text);
    if (typeof unsigned === "string") return unsigned;
    const { value, signedAt, secret } = unsigned;
    const isPacked = value.startsWith(".");
    const bytes = fromBase64url(isPacked ? value.slice(1) : value);
    const plain = bytes && isPacked ? await decompress(bytes) : bytes;
    if (plain === undefined || plain.length > maxJson) return "malformed";
    // Django also reads the bytes as Latin-1.
    const opened = { json: Buffer.from(plain).toString("latin1"), signedAt, hasOldKey: secret > 0 };
    this.#remember(text, opened);
    return opened;
  }

  #remember(text: string, opened: Opened): void {
    if (Math.max(text.length, opened.json.length) <= short) this.#opened.set(text, opened);
  }
}
