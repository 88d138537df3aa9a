/** Opens the store that was named, and closes it again. */

import type { Given } from "./arguments.ts";
import { type AnyStore, type Place, placeOf } from "./open.ts";

/** The place that the arguments name. */
export function givenPlace({ positionals, values }: Given): Place {
  return placeOf(positionals["STORE"]!, { table: values["table"], prefix: values["prefix"] });
}

/** Runs `work` on the store named by the arguments, and closes it. */
export async function withStore<T>(
  given: Given,
  work: (store: AnyStore, place: Place) => Promise<T>,
): Promise<T> {
  const place = givenPlace(given);
  const store = await place.open();
  try {
    return await work(store, place);
  } finally {
    await store.close?.();
  }
}
