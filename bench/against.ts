/**
 * `deno task bench against FOLDER [--rounds=N] [--processes=N] [WORD…]`: how fast this build is beside the one in another checkout, path
 * by path, on both runtimes. Both are loaded in one process and take turns in rounds of 5 ms. The order of loading alone makes up to a
 * fifth on Deno, so half of the processes load this build first and half the other; the figure is the geometric mean of their medians.
 * Above 1 this build is faster.
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { bun, deno, installBun, root } from "../tools/project.ts";
import { skip, startServer } from "../tests/support/redis/server.ts";
import { markdown } from "./markdown.ts";

type Figures = Record<string, { readonly ratio: number; readonly first: number }>;

/** Runs it with the words of the command line behind `against`. */
export async function against(args: readonly string[]): Promise<void> {
  const option = (name: string, otherwise: number) =>
    Number(args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
  const [folder = "", ...words] = args.filter((one) => !one.startsWith("--"));
  const other = resolve(folder);
  if (folder === "" || !existsSync(`${other}/mod.ts`)) {
    console.error("deno task bench against FOLDER: a folder with another checkout of this library");
    Deno.exit(2);
  }
  await installBun();
  const redis = skip === false ? await startServer() : undefined;
  const env = {
    NODE_NO_WARNINGS: "1",
    ...(redis === undefined ? {} : { BENCH_REDIS_PORT: String(redis.port) }),
  };
  const runtimes: [string, string[]][] = [["Bun", [bun]], ["Deno", [
    deno,
    "run",
    "-A",
    "--no-check",
    "--unstable-kv",
    `--config=${root}/deno.json`,
  ]]];
  try {
    const rows = new Map<string, string[]>();
    for (const [column, [name, command]] of runtimes.entries()) {
      const runs: { readonly figures: Figures; readonly isSwapped: boolean }[] = [];
      for (let i = 0; i < option("processes", 4); i++) {
        const isSwapped = i % 2 === 1;
        const order = isSwapped ? [other, root] : [root, other];
        const line = [
          ...command,
          `${root}/bench/against_process.ts`,
          ...order,
          String(option("rounds", 61)),
          ...words,
        ];
        const { stdout, success } = await new Deno.Command(line[0]!, {
          args: line.slice(1),
          cwd: root,
          stderr: "inherit",
          env,
        }).output();
        if (!success) throw new Error(`${name} ended with an error`);
        const text = new TextDecoder().decode(stdout);
        runs.push({ figures: JSON.parse(text.slice(text.lastIndexOf("\n{") + 1)), isSwapped });
      }
      for (const path of Object.keys(runs[0]!.figures)) {
        // a ratio is the first one's time by the second one's: turned where the other build was first, so that above 1 this is faster
        const all = runs.map(({ figures, isSwapped }) =>
          isSwapped ? figures[path]!.ratio : 1 / figures[path]!.ratio
        );
        const mean = Math.exp(all.reduce((sum, one) => sum + Math.log(one), 0) / all.length);
        const shown = `${mean.toFixed(2)} (${Math.min(...all).toFixed(2)}-${Math.max(...all).toFixed(2)})`;
        const time = runs.filter(({ isSwapped }) => !isSwapped)[0]!.figures[path]!.first.toPrecision(3);
        const row = rows.get(path) ?? ["", "", "", ""];
        row.splice(column * 2, 2, shown, time);
        rows.set(path, row);
      }
    }
    const head = ["path", "Bun: times as fast", "µs", "Deno: times as fast", "µs"];
    console.log(markdown(head, [...rows].map(([path, cells]) => [path, ...cells])));
  } finally {
    await redis?.stop();
  }
}
