/** Random histories: commands sent sequentially or concurrently, compared with the model. */
import assert from "node:assert/strict";
import type { SessionStore, StoredRecord } from "../store.ts";
import { turns } from "./case.ts";
import { clearAll } from "./cases/expiry.ts";
import { canExplain, type Command, type Done, execute, type Model } from "./model.ts";
import type { Random } from "./random.ts";
import { assertListed, hourMs, record } from "./records.ts";

const stepCount = 24;

/** Runs one random history on the store and leaves the store as empty as it was. */
export async function runHistory(
  store: SessionStore,
  random: Random,
  atOnce: number,
  clears: boolean,
): Promise<void> {
  const keys = [random.key(), random.key(), random.key()];
  const users = ["alice", "bob"].map((name) => `${name} ${random.below(2 ** 32)}`);
  const used = keys.map(() => [] as string[]);
  const log: string[] = [];
  const start = Date.now();
  let model: Model = new Map();

  const newRecord = () => {
    const user = random.below(3);
    return record({
      data: `data ${random.below(1000)}`,
      ...random.below(3) > 0 && { head: `head ${random.below(1000)}` },
      ...user < 2 && { userId: users[user]! },
      expiresAt: start + (1 + random.below(5)) * hourMs,
    });
  };
  const newCommand = (): Command => {
    const n = random.below(keys.length);
    const key = keys[n]!;
    // Mostly the current version, so that histories get somewhere.
    const version = random.below(3) > 0 ? model.get(key)?.version ?? used[n]!.at(-1) : random.pick(used[n]!);
    const ops = [
      "load",
      "create",
      "create",
      "delete",
      ...version === undefined ? [] : ["save", "save"],
      ...version === undefined || store.touch === undefined ? [] : ["touch", "touch"],
    ];
    const op = random.pick(ops) as Command["op"];
    switch (op) {
      case "load":
      case "delete":
        return { op, key };
      case "create":
        return { op, key, record: newRecord() };
      case "save":
        return { op, key, record: newRecord(), version: version! };
      case "touch":
        return {
          op,
          key,
          touchedAt: start - 10 + random.below(hourMs),
          expiresAt: start + (1 + random.below(5)) * hourMs,
          version: version!,
        };
    }
  };
  const look = async (): Promise<Model> => {
    const found = await Promise.all(keys.map(async (key) => [key, await store.load(key)] as const));
    return new Map(found.filter((entry): entry is [string, StoredRecord] => entry[1] !== undefined));
  };
  const noteVersion = ({ command, answer }: Done) => {
    if (typeof answer !== "string") return;
    const versions = used[keys.indexOf(command.key)]!;
    assert.ok(!versions.includes(answer), "a version was used twice for one key");
    versions.push(answer);
  };

  try {
    for (let steps = 0; steps < stepCount; steps += atOnce) {
      const commands = Array.from({ length: atOnce }, newCommand);
      const delays = commands.map(() => random.below(4));
      log.push(commands.map((command) => describeCommand(command, keys, used)).join("  |  "));
      const done = await Promise.all(commands.map(async (command, n): Promise<Done> => {
        await turns(delays[n]!);
        return { command, answer: await execute(store, command) };
      }));
      log.push(`  -> ${done.map(({ answer }) => describeAnswer(answer)).join("  |  ")}`);
      done.forEach(noteVersion);
      const end = await look();
      assert.ok(
        canExplain(model, done, end),
        "no order of these commands gives these answers and these records",
      );
      model = end;
      if (clears && store.clearExpired !== undefined && random.below(4) === 0) {
        const now = start + (1 + random.below(3)) * hourMs;
        log.push(`clearExpired(${(now - start) / hourMs} h)`);
        const live = new Map([...model].filter(([, { expiresAt }]) => expiresAt > now));
        assert.equal(
          await clearAll({ clearExpired: store.clearExpired.bind(store) }, now, 2),
          model.size - live.size,
        );
        model = await look();
        assert.deepEqual([...model.keys()].sort(), [...live.keys()].sort(), "keys after clearExpired");
      }
      if (store.list !== undefined) {
        for (const userId of users) {
          const mine = [...model].filter(([, record]) => record.userId === userId);
          await assertListed(
            store as Required<SessionStore>,
            userId,
            mine.map(([key, record]) => ({ key, record })),
          );
        }
      }
    }
    for (const key of keys) await store.delete(key);
  } catch (error) {
    throw new assert.AssertionError({
      message: `${error instanceof Error ? error.message : error}\nafter\n${log.join("\n")}`,
    });
  }
}

function describeCommand(command: Command, keys: readonly string[], used: readonly string[][]): string {
  const at = (key: string) => `key ${keys.indexOf(key)}`;
  const words: string[] = [command.op, at(command.key)];
  if ("version" in command) {
    words.push(`version #${used[keys.indexOf(command.key)]!.indexOf(command.version)}`);
  }
  if ("record" in command) words.push(command.record.data);
  return words.join(" ");
}

function describeAnswer(answer: unknown): string {
  if (typeof answer === "string") return "version";
  return typeof answer === "object" && answer !== null ? (answer as StoredRecord).data : String(answer);
}
