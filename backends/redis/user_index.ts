/**
 * The index of a user's sessions in a cluster, where it is on another server than the records.
 *
 * No step may hide a live session, so that it could not be found and ended. Therefore:
 *
 * - An entry is written before its record. Killed in between, there is an entry too many, which lapses; listing believes no entry but
 *   looks at the record.
 * - An entry belongs to one life of a record under one user: its name is the key and the token of the write that began this life,
 *   and the record knows it. Taking it out when that life is over takes no other life's entry, whoever is creating the key anew
 *   meanwhile; and that life does not come back: a `save` needs a version that is gone, and a `create` that the client sends
 *   twice meets the mark that the removal has left. So an index holds the live sessions and what killed processes left behind.
 * - An entry lapses no earlier than its record, however late a write is carried out (its server may have stood still for a day). The
 *   entry, at its end E by the clock of its own server, is kept for the slack, an hour; and no write lets a record live past E and half an
 *   hour by the clock of the record's server: the record itself says how late that is. This takes servers that agree within half an hour.
 *   Ends only move up, since a write with a later end may still be coming. E is later than the record needs by a quarter of its life: until
 *   a renewal goes past what the record says, the index has nothing to learn.
 */

import * as scripts from "./scripts.ts";
import type { ScriptRunner } from "./script_runner.ts";

/** What a record that may be written now has to carry. */
export interface IndexEntry {
  /** The entry's own part of its name; empty without a user. */
  readonly entry: string;
  /** Until when the index holds the entry, by the servers' clocks; 0 without a user. */
  readonly latest: string;
}

/** Without a user, or on one server, where the scripts keep the index themselves. */
export const noEntry: IndexEntry = { entry: "", latest: "0" };

/** The indexes, each under `prefix` and the user as JSON. */
export class UserIndex {
  readonly #wire: ScriptRunner;
  readonly #prefix: string;

  /** Over a way to Redis. */
  constructor(wire: ScriptRunner, prefix: string) {
    this.#wire = wire;
    this.#prefix = prefix;
  }

  /** The name of a user's index; `user` as JSON. */
  name(user: string): string {
    return `${this.#prefix}user:${user}`;
  }

  /** Enters a record that is to live for `life` milliseconds. */
  async enter(user: string, key: string, entry: string, life: string, by: number): Promise<IndexEntry> {
    if (user === "") return noEntry;
    const [latest] = await this.#wire.run(scripts.index, [this.name(user)], [member(key, entry), life], by);
    return { entry, latest: String(latest) };
  }

  /** Takes the entry of a life that is over out. Left behind it lapses, so a failure here is none. */
  async leave(user: unknown, key: string, entry: unknown, by: number): Promise<void> {
    if (!this.#wire.cluster || typeof user !== "string" || user === "") return;
    await this.#wire.run(scripts.unindex, [this.name(user)], [member(key, String(entry))], by).catch(
      () => {},
    );
  }

  /** A page of the keys of records that may be the user's, and where the next one begins. */
  async keys(user: string, after: string | undefined, size: number, by: number): Promise<Keys> {
    const [end = "", name = ""] = after === undefined ? [] : splitAt(after, after.indexOf(" "));
    const args = [end, name, String(size)];
    const [page] = await this.#wire.run(scripts.members, [this.name(user)], args, by) as [string[]];
    const keys = new Set<string>();
    for (let i = 0; i < page.length; i += 2) keys.add(page[i]!.split(" ", 1)[0]!);
    const isLast = page.length < size * 2;
    return { keys: [...keys], next: isLast ? undefined : `${page.at(-1)} ${page.at(-2)}` };
  }
}

/** Some of an index. */
export interface Keys {
  readonly keys: readonly string[];
  readonly next: string | undefined;
}

function splitAt(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}

function member(key: string, entry: string): string {
  return entry === "" ? key : `${key} ${entry}`;
}
