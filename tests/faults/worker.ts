/**
 * A process that works on sessions until it is killed: `worker.ts <store> <place> <seed> <run> <beside>`.
 *
 * It waits for a line on its input, then says a line before each operation and one after it: `try`, `ok` or `fail`, with
 * slot, operation, id and count. `beside` is what goes on meanwhile: `purge`, `checkpoint`, `nothing`; `count` instead adds to
 * the sessions whose ids are in the environment.
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { type Session, SessionError } from "../../mod.ts";
import { dice } from "../support/dice.ts";
import { content } from "./content.ts";
import { openPlace, type StoreName } from "./places.ts";

const slotCount = 50;
const loopCount = 4;
const [name, place, seed, run, beside] = process.argv.slice(2) as [StoreName, string, string, string, string];
const roll = dice(Number(seed));

/** Blocks until the line is in the pipe: what was said survives this process. */
function say(...words: (string | number)[]): void {
  const line = new TextEncoder().encode(`${words.join(" ")}\n`);
  for (let at = 0; at < line.length;) {
    try {
      at += writeSync(1, line, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

const went = new Promise<void>((resolve) => process.stdin.once("data", () => resolve()));
await went;
let skipped = 0;
const now = () => Date.now() + skipped;
const { store, sessions } = await openPlace(name, place, { now });

interface Slot {
  readonly name: string;
  id: string | undefined;
  n: number;
}

const operations: Record<string, (slot: Slot, session: Session) => unknown> = {
  create: (slot, session) => {
    session.login(slot.name);
    session.assign(content(slot.name, ++slot.n, roll(2000)));
  },
  set: (slot, session) => void session.assign(content(slot.name, ++slot.n, roll(2000))),
  update: (slot, session) => {
    session.update("n", (n) => (n as number) + 1);
    session.assign(content(slot.name, ++slot.n, roll(20)));
  },
  touch: (_slot, session) => {
    skipped += 3_700_000;
    session.get("n");
  },
  rotate: (_slot, session) => session.cycleKey(),
  flush: (_slot, session) => session.flush(),
};
const chances = ["set", "set", "set", "update", "update", "touch", "rotate", "rotate", "flush"];

/** One operation on a slot. One that fails may have happened: nothing more is tried on that slot. */
async function operate(slot: Slot): Promise<boolean> {
  const operation = slot.id === undefined ? "create" : chances[roll(chances.length)]!;
  say("try", slot.name, operation, slot.id ?? "-", slot.n);
  try {
    const session = await sessions.open(slot.id);
    if (slot.id !== undefined && session.id === undefined) throw new Error("not found");
    await operations[operation]!(slot, session);
    if (operation !== "flush") await session.save();
    slot.id = session.id;
    say("ok", slot.name, operation, slot.id ?? "-", slot.n);
    return true;
  } catch (error) {
    say(
      "fail",
      slot.name,
      operation,
      "-",
      slot.n,
      error instanceof SessionError ? error.code : String(error),
    );
    return false;
  }
}

async function loop(number: number): Promise<void> {
  const names = Array.from({ length: slotCount }, (_, i) => i).filter((i) => i % loopCount === number);
  const slots = names.map((i): Slot => ({ name: `u${run}-${i}`, id: undefined, n: 0 }));
  while (slots.length > 0) {
    const at = roll(slots.length);
    if (!await operate(slots[at]!)) slots.splice(at, 1);
  }
}

/** Records that have expired are made and cleared without end. */
async function purge(): Promise<never> {
  for (let i = 0;; i++) {
    const record = { data: "1\n{}", createdAt: 1, touchedAt: 1, expiresAt: 2 };
    const key = (n: number) => `${run}e${i}e${n}`.padStart(64, "e");
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.create(key(n), record)));
    await sessions.clearExpired();
  }
}

async function checkpoint(): Promise<never> {
  const { connect, run } = await import("../support/sqlite/driver.ts");
  const database = connect(place);
  for (;;) {
    run(database, "PRAGMA wal_checkpoint(TRUNCATE)");
    await setTimeout(1);
  }
}

/** Adds one to one of the given sessions, so many times; says the totals. */
async function count(): Promise<void> {
  const ids = process.env["IDS"]!.split(",");
  const added = new Map<string, number>();
  let conflicts = 0;
  const failures = new Map<string, number>();
  for (let left = Number(process.env["COUNT"]); left > 0;) {
    const id = ids[roll(ids.length)]!;
    try {
      const session = await sessions.open(id);
      session.update("n", (n: number = 0) => n + 1);
      await session.save();
      added.set(id, (added.get(id) ?? 0) + 1);
      left--;
    } catch (error) {
      const code = error instanceof SessionError ? error.code : String(error);
      if (code === "ERR_CONFLICT") conflicts++;
      else failures.set(code, (failures.get(code) ?? 0) + 1), left--;
    }
  }
  say(JSON.stringify({ added: [...added], conflicts, failures: [...failures] }));
  process.exit(0);
}

if (beside === "count") await count();
const extra = beside === "purge" ? [purge()] : beside === "checkpoint" ? [checkpoint()] : [];
await Promise.all([...extra, ...Array.from({ length: loopCount }, (_, number) => loop(number))]);
// Every slot has failed, so the store is gone; this process ends only when it is killed.
setInterval(() => {}, 1000);
