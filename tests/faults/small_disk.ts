/** A disk that fills up and turns read-only under a store: a small tmpfs, which only root may mount. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { SessionError } from "../../mod.ts";
import { dice } from "../support/dice.ts";
import { content, flawOf } from "./content.ts";
import { type Opened, openPlace } from "./places.ts";
import { expect, found, type Outcome, outcome, type Size } from "./plan.ts";

const mount = (...words: string[]) => execFileSync("mount", words, { stdio: "ignore" });

/** Whether this process may mount. */
export const canMount: boolean = tryToMount();

function tryToMount(): boolean {
  const folder = fs.mkdtempSync("/tmp/sojourn-mount-");
  try {
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    fs.rmdirSync(folder);
  }
}

/** Fills the disk but for so many bytes. */
function fill(ballast: string, leave: number): void {
  const file = fs.openSync(ballast, "w");
  try {
    for (let size = 1 << 18; size >= 4096; size >>= 1) {
      try {
        for (const block = new Uint8Array(size);;) fs.writeSync(file, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
    fs.ftruncateSync(file, Math.max(0, fs.fstatSync(file).size - leave));
  } finally {
    fs.closeSync(file);
  }
}

const sessionCount = 20;

/** Changes sessions on a full disk, frees it, and so on; then reads from it while it is read-only. */
export async function fullDisk(
  name: "FileStore" | "SqliteStore",
  { folder, seed, isFull }: Size,
): Promise<Outcome> {
  const rounds = isFull ? 200 : 20;
  const result = outcome(rounds);
  const roll = dice(seed);
  const disk = `${folder}/disk`;
  fs.mkdirSync(disk);
  mount("-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", disk);
  const path = `${disk}/${name === "FileStore" ? "sessions" : "sessions.db"}`;
  let place: Opened | undefined;
  try {
    place = await openPlace(name, path);
    const slots: { name: string; id: string; n: number }[] = [];
    for (let i = 0; i < sessionCount; i++) {
      const session = await place.sessions.open();
      session.login(`u${i}`);
      session.assign(content(`u${i}`, 0, 100));
      await session.save();
      slots.push({ name: `u${i}`, id: session.id!, n: 0 });
    }
    const save = async (slot: typeof slots[0], length: number) => {
      const session = await place!.sessions.open(slot.id);
      session.assign(content(slot.name, slot.n + 1, length));
      await session.save();
      slot.n++;
    };
    const check = async () => {
      for (const slot of slots) {
        const session = await place!.sessions.open(slot.id).catch(() => undefined);
        const flaw = session && flawOf(slot.name, session);
        if (session === undefined) found(result, "unreadable", slot.name);
        else if (session.id === undefined || session.get("n") !== slot.n) {
          found(result, "lost", `${slot.name} at ${slot.n}`);
        } else if (flaw !== undefined) found(result, "torn", `${slot.name} ${flaw}`);
      }
    };
    let refused = 0;
    for (let round = 0; round < rounds; round++) {
      fill(`${disk}/ballast`, roll(65_536));
      for (let i = 0; i < 10; i++) {
        try {
          await save(slots[roll(sessionCount)]!, 2000 + roll(30_000));
        } catch (error) {
          refused++;
          const isTyped = error instanceof SessionError && error.code === "ERR_STORE" &&
            /ENOSPC|full|disk I\/O/.test(`${error.message} ${error.cause}`);
          expect(result, isTyped, `a full disk was told as ${error} ${(error as Error).cause}`);
        }
      }
      await check();
      const left = name === "FileStore" ? fs.readdirSync(`${path}/work`) : [];
      expect(result, left.length === 0, `${left.length} temporary files on a full disk`);
      fs.rmSync(`${disk}/ballast`);
      await save(slots[roll(sessionCount)]!, 5000).catch((error) =>
        expect(result, false, `the first save with room again: ${error} ${error.cause}`)
      );
    }
    expect(result, refused > rounds, `only ${refused} saves met a full disk`);
    await check();
    place.troubles.length = 0;
    await readOnly(name, disk, path, place, result, slots[0]!.id);
    place = await openPlace(name, path);
    await check();
    result.notes.push(`${refused} saves refused`);
  } finally {
    await place?.close();
    execFileSync("umount", [disk]);
  }
  return result;
}

/** A read-only disk: the file store goes on reading; SQLite, which keeps its files open, is opened on it. */
async function readOnly(
  name: string,
  disk: string,
  path: string,
  place: Opened,
  result: Outcome,
  id: string,
): Promise<void> {
  const isTyped = (error: unknown) => error instanceof SessionError && error.code === "ERR_STORE";
  if (name !== "FileStore") await place.close();
  mount("-o", "remount,ro", disk);
  try {
    if (name === "FileStore") {
      const session = await place.sessions.open(id);
      expect(result, session.id === id, "a read from a read-only disk did not answer");
      session.set("n", -1);
      expect(
        result,
        isTyped(await session.save().catch((error) => error)),
        "a save was not refused as typed",
      );
      expect(
        result,
        isTyped(await session.flush().catch((error) => error)),
        "a flush was not refused as typed",
      );
      await place.close();
    } else {
      const opened = await openPlace("SqliteStore", path).catch((error) => error);
      if (opened instanceof Error) expect(result, isTyped(opened), `opened read-only: ${opened}`);
      else {
        const session = await opened.sessions.open(id);
        expect(result, session.id === id, "a read from a read-only disk did not answer");
        session.set("n", -1);
        const refused = await session.save().catch((error: unknown) => error);
        expect(result, isTyped(refused), "a save was not refused as typed");
        await opened.close();
      }
    }
  } finally {
    mount("-o", "remount,rw", disk);
  }
}
