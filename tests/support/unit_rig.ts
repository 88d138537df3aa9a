/** What the tests of one unit of work share: a session outside of any request, and stores that fail or are held up. */

import assert from "node:assert/strict";
import type { Session } from "../../mod.ts";
import { gate, type Method, Site } from "./commit_rig.ts";

export const down = (): never => {
  throw new Error("down");
};
export const downAt = (one: Method) => (method: Method): void => method === one ? down() : undefined;
export const hour = 3_600_000;

/** Holds up the calls of one method: `reached` when the first has come, until `go`. */
export function held(site: Site, one: Method): { reached: Promise<void>; go: () => void } {
  const [before, reached] = [gate(), gate()];
  site.store.before = (method) => method === one ? (reached.open(), before.wait) : undefined;
  return { reached: reached.wait, go: before.open };
}

/** A session outside of any request, saved, and the site that it is of. */
export async function opened(
  site: Site = new Site(),
  data: Record<string, unknown> = { a: 1 },
): Promise<{ site: Site; session: Session; id: string | undefined }> {
  const session = await site.sessions.open();
  await session.assign(data).save();
  site.store.taken();
  site.events.length = 0;
  return { site, session, id: session.id };
}

/** A save that is written, and fails all the same. */
export async function saveInDoubt(site: Site, session: Session): Promise<void> {
  site.store.after = downAt("save");
  await assert.rejects(session.save(), { code: "ERR_STORE" });
  site.store.after = undefined;
}
