/** Taking away what is over: expired sessions, and what killed processes left. */

import { SessionError } from "../../src/errors.ts";
import { KEY } from "./folders.ts";
import { pause, type Tally } from "../tally.ts";
import type { FileSessions } from "./sessions.ts";

const ABANDONED = 10_000; // ms: nobody is at work on one change for so long

export class Sweep {
  readonly #sessions: FileSessions;
  #shard = ""; // where the last call stopped, so that the next goes on from there
  #slice = 0;

  constructor(sessions: FileSessions) {
    this.#sessions = sessions;
  }

  /** Removes up to `limit` expired records. Fewer were removed only if there are no more. */
  async clearExpired(now: number, limit: number): Promise<number> {
    const { disk, folders } = this.#sessions;
    this.#clearAbandoned();
    await this.#healIndex();
    let removed = 0;
    for await (const shard of this.#shards(this.#shard)) {
      if (removed >= limit) break;
      const erased: [key: string, userId: string | undefined][] = [];
      for (const key of disk.names(`${folders.sessions}/${shard}`)) {
        // A file's time is its record's expiry, rounded down: a hint that saves reading the file.
        const facts = KEY.test(key) ? disk.facts(folders.file(key)) : undefined;
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
  async count(tally: Tally): Promise<void> {
    const { disk, folders } = this.#sessions;
    for await (const shard of this.#shards("")) {
      for (const key of disk.names(`${folders.sessions}/${shard}`)) {
        if (!KEY.test(key)) continue;
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
      // Locked, of a newer format, or not a plain file: left alone. Trouble with the disk is no SessionError here.
      if (error instanceof SessionError) return undefined;
      throw error;
    }
  }

  /** All folders of sessions, as `ab/c`, once around from the one after the last. Lets others work in between. */
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

  #clearAbandoned(): void {
    const { disk, folders } = this.#sessions;
    for (const name of disk.names(folders.work)) {
      const facts = disk.facts(`${folders.work}/${name}`);
      if (facts && facts.time < Date.now() - ABANDONED) disk.clear(`${folders.work}/${name}`);
    }
  }

  /** Looks through one of the 256 parts of the user index; the next call takes the next. */
  async #healIndex(): Promise<void> {
    const { disk, folders } = this.#sessions;
    const part = `${folders.users}/${this.#slice.toString(16).padStart(2, "0")}`;
    this.#slice = (this.#slice + 1) % 256;
    for (const user of disk.names(part)) {
      const keys = disk.names(`${part}/${user}`).filter((key) => KEY.test(key));
      for (const key of keys) {
        if (!disk.facts(folders.file(key))) await this.#sessions.heal(`${part}/${user}`, key);
      }
      if (keys.length === 0) this.#sessions.users.prune(`${part}/${user}`);
    }
  }
}
