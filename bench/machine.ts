/** What the bench runs on, for the line below its tables. */

import { statfsSync } from "node:fs";
import { cpus, release } from "node:os";

const fileSystems: Record<number, string> = { 0xef53: "ext4", 0x01021994: "tmpfs", 0x9123683e: "btrfs" };

/** Processor, system and file system. */
export function machine(): string {
  return `${cpus().length} cores of ${cpus()[0]?.model ?? "an unknown processor"}, Linux ${release()}, ${
    fileSystems[statfsSync(".").type] ?? "another file system"
  }`;
}

/** This runtime, with its version. */
export function runtime(): string {
  const bun = (globalThis as { Bun?: { version: string } }).Bun;
  return bun ? `Bun ${bun.version}` : `Deno ${Deno.version.deno}`;
}
