/** Opens a database with `Deno.openKv`. */

import { SessionError } from "../../src/errors.ts";
import type { DenoKv } from "./client.ts";

/** The database at `path`, from `Deno.openKv`. */
export async function openKv(path: string | undefined): Promise<DenoKv> {
  const { Deno } = globalThis as { Deno?: { openKv?: (path?: string) => Promise<DenoKv> } };
  if (Deno?.openKv === undefined) {
    const way = Deno
      ? "start Deno with --unstable-kv"
      : "pass the Kv that openKv of @deno/kv gives to new DenoKvStore(kv)";
    throw new SessionError(
      "ERR_UNSUPPORTED",
      `Cannot open Deno KV as this runtime has no Deno.openKv: ${way}`,
    );
  }
  try {
    return await Deno.openKv(path);
  } catch (cause) {
    const damaged = cause instanceof Error && /not a database|malformed/.test(cause.message);
    throw new SessionError(damaged ? "ERR_DAMAGED" : "ERR_STORE", "Cannot open the Deno KV database", {
      cause,
    });
  }
}
