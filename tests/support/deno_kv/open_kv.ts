/** A real Deno KV on either runtime: the built-in one, or `@deno/kv`. */

import type { DenoKv } from "../../../backends/deno_kv.ts";

/** Stands in for the V8 codec, to show that `DenoKvStore` never needs it. */
function unused(): never {
  throw new Error("The V8 codec was asked for");
}

/** Opens the database at `path`: a file or `":memory:"`. */
export async function openTestKv(path: string): Promise<DenoKv> {
  if ("Deno" in globalThis) return await Deno.openKv(path);
  const { openKv } = await import("@deno/kv");
  return await openKv(path, { encodeV8: unused, decodeV8: unused });
}

/** A database that asks `commit` what to do with every commit, and tells `get` and `list` what was read with. */
export function wrapKv(kv: DenoKv, wrap: {
  commit?: (commit: () => Promise<{ ok: boolean }>) => Promise<{ ok: boolean }>;
  read?: (options: { consistency?: string } | undefined) => void;
  get?: DenoKv["get"];
  expireIn?: (expireIn: number | undefined) => number | undefined;
}): DenoKv {
  return {
    get: (key, options) => (wrap.read?.(options), (wrap.get ?? kv.get.bind(kv))(key, options)),
    list: (selector, options) => (wrap.read?.(options), kv.list(selector, options)),
    close: () => kv.close(),
    atomic() {
      const real = kv.atomic();
      return {
        check(check) {
          real.check(check);
          return this;
        },
        set(key, value, options) {
          const expireIn = wrap.expireIn ? wrap.expireIn(options?.expireIn) : options?.expireIn;
          real.set(key, value, expireIn === undefined ? {} : { expireIn });
          return this;
        },
        delete(key) {
          real.delete(key);
          return this;
        },
        commit: () => wrap.commit ? wrap.commit(() => real.commit()) : real.commit(),
      };
    },
  };
}
