/** What each file of the library imports, as `deno info --json` sees it. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** One import of a file. */
export interface Import {
  /** A path inside the checkout, or the specifier for what is elsewhere. */
  readonly to: string;
  /** Whether it happens at run time only. */
  readonly isDynamic: boolean;
}

interface Dependency {
  readonly specifier: string;
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
  readonly type?: { readonly specifier?: string };
}

/** The files of the library, as paths inside the checkout. */
export function libraryFiles(): string[] {
  const inRooms = ["src", "backends", "cli"].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map((name) => `${room}/${name}`)
  );
  return ["mod.ts", ...inRooms.filter((path) => path.endsWith(".ts")).sort()];
}

function toImport({ specifier, code, type, isDynamic = false }: Dependency): Import {
  const target = code?.specifier ?? type?.specifier ?? specifier;
  return { to: target.startsWith("file:") ? relative(root, fileURLToPath(target)) : target, isDynamic };
}

/** The imports of every file of the library. Runs on Deno only. */
export function readImports(): Map<string, Import[]> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-imports-"));
  try {
    const entry = join(folder, "all.ts");
    const lines = libraryFiles().map((path) =>
      `import ${JSON.stringify(pathToFileURL(join(root, path)).href)};\n`
    );
    writeFileSync(entry, lines.join(""));
    const info = JSON.parse(
      execFileSync(process.execPath, ["info", "--json", "--config", join(root, "deno.json"), entry], {
        encoding: "utf8",
        cwd: root,
        maxBuffer: 2 ** 26,
      }),
    );
    const found = new Map<string, Import[]>();
    for (const { local, dependencies = [] } of info.modules) {
      if (local !== undefined && local !== entry) {
        found.set(relative(root, local), dependencies.map(toImport));
      }
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
