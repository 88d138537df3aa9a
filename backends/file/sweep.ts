/** Removes expired sessions and what killed processes left behind. */

import { SessionError } from "../../src/errors.ts";
import { pause, type StatsCounter } from "../support/stats_counter.ts";
import { clearAbandoned, keyPattern } from "./layout.ts";
import type { FileSessions } from "./records.ts";

/** How many users' folders one call reads, of the 4,000 in each of 256 parts with a million users. */
const usersPerBatch = 64;

export class Sweep {
  readonly #sessions: FileSessions;
  #shard = ""; // where the last call stopped, so that the next one continues there
  #usersPart = 0;
  #user = "";

  constructor(sessions: FileSessions) {
    this.#sessions = sessions;
  }

  /** Removes up to `limit` expired records, fewer only if there are no more. */
  async clearExpired(now: number, limit: number): Promise<number> {
    const { disk, folders } = this.#sessions;
    clearAbandoned(disk, folders.work);
    await this.#healIndex();
    let removed = 0;
    for await (const shard of this.#shards(this.#shard)) {
      if (removed >= limit) break;
      const erased: [key: string, userId: string | undefined][] = [];
      for (const key of disk.names(`${folders.sessions}/${shard}`)) {
        // A file's time is its record's expiry, rounded down: a hint that saves reading the file.
        const facts = keyPattern.test(key) ? disk.facts(folders.file(key)) : undefined;
        if (!facts?.isFile || facts.time > now) continue;
        if (removed >= limit) break;
        const past = await this.#erase(key, now);
        if (!past) continue;
        removed++;
        erased.push([key, past.userId]);
      }
      if (erased.length) await disk.sync(`${folders.sessions}/${shard}`);
      for (const [key, userId] of erased) await this.#sessions.unlist(key, userId);
      if (removed < limit) this.#shard = shard;
    }
    return removed;
  }

  /** Counts every record. A file that cannot be read as one is a damaged record. */
  async count(tally: StatsCounter): Promise<void> {
    const { disk, folders } = this.#sessions;
    for await (const shard of this.#shards("")) {
      for (const key of disk.names(`${folders.sessions}/${shard}`)) {
        if (!keyPattern.test(key)) continue;
        try {
          const record = this.#sessions.load(key);
          if (record) tally.add(record.createdAt, record.expiresAt, Buffer.byteLength(record.data));
        } catch (error) {
          if (!(error instanceof SessionError)) throw error;
          tally.addDamaged();
        }
      }
    }
  }

  async #erase(key: string, now: number): Promise<{ userId: string | undefined } | undefined> {
    try {
      return await this.#sessions.erase(key, (current) => !current || current.expiresAt <= now);
    } catch (error) {
      // Locked, of a newer format, or not a plain file: left alone. Disk errors are not SessionErrors here.
      if (error instanceof SessionError) return undefined;
      throw error;
    }
  }

  /** All folders of sessions, as `ab/c`, once around, starting after the last one. Yields to other work in between. */
  async *#shards(start: string): AsyncGenerator<string> {
    const { disk, folders } = this.#sessions;
    const upper = disk.names(folders.sessions).sort();
    const first = upper.filter((name) => name >= start.slice(0, 2));
    const rest = upper.filter((name) => name <= start.slice(0, 2));
    for (const [isLater, names] of [[true, first], [false, rest]] as const) {
      for (const name of names) {
        for (const lower of disk.names(`${folders.sessions}/${name}`).sort()) {
          const shard = `${name}/${lower}`;
          if (shard > start !== isLater) continue;
          await pause();
          yield shard;
        }
      }
    }
  }

  /** Checks a few folders of the user index; the next call continues there. */
  async #healIndex(): Promise<void> {
    const { disk, folders } = this.#sessions;
    const part = `${folders.users}/${this.#usersPart.toString(16).padStart(2, "0")}`;
    const users = disk.names(part).sort().filter((name) => name > this.#user);
    for (const user of users.slice(0, usersPerBatch)) {
      const keys = disk.names(`${part}/${user}`).filter((key) => keyPattern.test(key));
      for (const key of keys) {
        if (!disk.facts(folders.file(key))) await this.#sessions.heal(`${part}/${user}`, key);
      }
      if (keys.length === 0) this.#sessions.users.prune(`${part}/${user}`);
      await this.#sessions.turn.yieldIfDue();
    }
    if (users.length > usersPerBatch) this.#user = users[usersPerBatch - 1]!;
    else [this.#usersPart, this.#user] = [(this.#usersPart + 1) % 256, ""];
  }
}
