/** `revoke`: ends one session, or all of a user. */

import { type Command, storeOptions } from "./command.ts";
import { exit, UsageError } from "./io.ts";
import { recordsOf } from "./list.ts";
import { count, json } from "./text.ts";
import { withStore } from "./with_store.ts";

/** Ends sessions immediately. `--all` is required, so that a forgotten handle does not log a user out everywhere. */
export const revoke: Command = {
  usage: ["STORE HANDLE [--user ID]", "STORE --user ID --all"],
  summary: "ends one session (with --user only if it is theirs), or all of a user",
  positionals: ["STORE", "HANDLE?"],
  options: { ...storeOptions, user: "value", all: "flag" },
  run(given, io) {
    const { positionals: { HANDLE: handle }, values: { user }, flags } = given;
    const isAll = flags.has("all");
    if (isAll && user === undefined) throw new UsageError("--all needs --user");
    if (isAll === (handle !== undefined)) throw new UsageError("expected either a handle or --user ID --all");
    if (handle !== undefined && !/^[0-9a-f]{64}$/.test(handle)) {
      throw new UsageError("a handle is 64 hex digits, as list shows it; it is not the session id");
    }
    return withStore(given, async (store) => {
      let keys: readonly string[];
      if (handle === undefined) keys = (await recordsOf(store, user!)).map(({ key }) => key);
      else if (user === undefined) keys = [handle];
      else keys = (await store.load(handle))?.userId === user ? [handle] : [];
      let ended = 0;
      for (const key of keys) if (await store.delete(key)) ended++;
      const isMissing = !isAll && ended === 0;
      if (flags.has("json")) io.out(json({ ended }));
      else io.out(isMissing ? "There is no such session\n" : `${count(ended, "session")} ended\n`);
      return isMissing ? exit.reservations : exit.done;
    });
  },
};
