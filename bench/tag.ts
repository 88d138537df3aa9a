/** What made the figures: runtime, versions, machine. */

import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { manifest, root } from "../tools/project.ts";
import type { Tag } from "./figures.ts";

const fileSystems: Record<number, string> = {
  0xef53: "ext4",
  0x01021994: "tmpfs",
  0x9123683e: "btrfs",
  0x58465342: "xfs",
};

/** Packages that are there for the tests. */
const elsewhere = ["arktype", "bun", "bun-types", "fast-check", "valibot", "zod"];

function versionOf(command: string, args: string[], pattern: RegExp): string | undefined {
  try {
    return pattern.exec(
      execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    )?.[1];
  } catch {
    return undefined;
  }
}

/** The tag for figures of this moment. */
export function tag(runtime: string): Tag {
  const bun = manifest.imports["bun"]!.split("@").at(-1)!;
  const versions: Record<string, string> = { Bun: bun, Deno: Deno.version.deno };
  const redis = versionOf("redis-server", ["--version"], /v=([\d.]+)/);
  if (redis) versions["redis-server"] = redis;
  const wrk = versionOf("sh", ["-c", "wrk -v; true"], /wrk (\S+)/);
  if (wrk) versions["wrk"] = wrk;
  for (const specifier of Object.values(manifest.imports)) {
    const [, name, version] = /^npm:(.+)@([^@]+)$/.exec(specifier) ?? [];
    if (name && version && !elsewhere.includes(name)) versions[name] = version;
  }
  const { type } = statfsSync(root);
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    runtime: versions[runtime] === undefined ? runtime : `${runtime} ${versions[runtime]}`,
    at: new Date().toISOString(),
    machine: `${cpus().length} cores of ${
      cpus()[0]?.model ?? "an unknown processor"
    }, ${memory} GB, Linux ${release()}, ${fileSystems[type] ?? "another file system"}, load ${
      loadavg()[0]!.toFixed(1)
    }`,
    versions,
  };
}
