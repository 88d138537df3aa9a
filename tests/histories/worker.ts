/** A process of a history: `worker.ts <store> <place>`; a command in a line of JSON on its input, its answer in one on its output. */

import { createInterface } from "node:readline";
import process from "node:process";
import { Host } from "./host.ts";
import { openShared, type Shared } from "./hosts.ts";

const [name, place] = process.argv.slice(2) as [Shared, string];
const clock = { now: 0 };
const { store, release } = await openShared[name](place, () => clock.now);
const host = new Host(store, clock);
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { n, command } = JSON.parse(line);
  void host.ask(command).then((reply) => say({ n, reply }));
}
await host.close();
await release?.();
