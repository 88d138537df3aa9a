/** Log-out is final also when other processes give the session one new id after the other: three processes over one store. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { storageKey } from "../../src/crypto/session_id.ts";
import { type Command, cookieIn, cookieName, type Reply, type Work } from "./host.ts";
import { type Processes, startProcesses, type StoreName } from "./hosts.ts";
import { needs } from "../support/needs.ts";
import { skip } from "../support/redis/server.ts";

const names: readonly StoreName[] = ["SqliteStore", "CachedStore", "FileStore", "RedisStore", "DenoKvStore"];
const changes: Record<string, (i: number, user: string) => Work> = {
  "rotations": () => ({ cycle: "plain" }),
  "rotations with grace": () => ({ cycle: "grace" }),
  "log-ins": (_, login) => ({ login }),
  "rotations and log-ins": (i, login) => i % 2 === 0 ? { login } : { cycle: "plain" },
};

for (const name of names) {
  const needed = name === "RedisStore" ? needs("redis-server", skip === false) : {};
  describe(`ids of one session at three processes, over ${name}`, needed, () => {
    let folder: string;
    let processes: Processes;
    let [held, users] = [0, 0];
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "sojourn-ids-"));
      processes = await startProcesses(name, folder);
      for (const one of processes.all) await one.ask({ do: "clock", now: Date.now() });
    });
    after(async () => {
      await processes?.close();
      await rm(folder, { recursive: true, force: true });
    });

    const ask = async (process: number, command: Command): Promise<Reply> => {
      const reply = await processes.all[process]!.ask(command);
      assert.deepEqual(reply.troubles ?? [], []);
      return reply;
    };
    const send = (process: number, cookie: string, work: Work, held?: number) =>
      ask(process, {
        do: "request",
        cookie: cookie === "" ? "" : `${cookieName}=${cookie}`,
        work,
        ...held === undefined ? {} : { held },
      });
    const cookieOf = ({ status, fields }: Reply): string => {
      assert.equal(status, 200);
      return cookieIn(fields!) ?? assert.fail("no cookie");
    };
    const login = async (user: string) => cookieOf(await send(0, "", { login: user, write: 1 }));
    const assertAnonymous = async (...cookies: string[]) => {
      for (const cookie of cookies) {
        for (const process of [0, 1, 2]) {
          assert.deepEqual((await send(process, cookie, {})).seen, { keys: [] }, `of process ${process}`);
        }
      }
    };

    for (const [what, work] of Object.entries(changes)) {
      for (const times of [1, 2, 50]) {
        it(`SR-034 a log-out beside ${times} ${what} of other processes ends the session under every id`, async () => {
          const user = `ann ${++users}`;
          const other = await login(user);
          const ids = [await login(user)];
          const number = ++held;
          await send(0, ids[0]!, { flush: true }, number);
          for (let i = 0; i < times; i++) {
            ids.push(cookieOf(await send(1 + i % 2, ids.at(-1)!, work(i, user))));
          }
          assert.equal((await ask(0, { do: "go", held: number })).status, 200);
          await assertAnonymous(...new Set([ids[0]!, ids[1]!, ...ids.slice(-9)]));
          assert.equal((await send(1, other, {})).seen!.user, user);
          assert.equal((await ask(2, { do: "list", userId: user })).handles!.length, 1);
        });
      }
    }

    it("SR-034 a write and a log-in that were under way in two processes when a third one ended the session are refused", async () => {
      const cookie = await login("bea");
      const numbers = [++held, ++held];
      await send(0, cookie, { write: 2 }, numbers[0]);
      await send(1, cookie, { login: "bea", write: 3 }, numbers[1]);
      assert.equal((await send(2, cookie, { flush: true })).status, 200);
      for (const process of [0, 1]) {
        const { status, fields } = await ask(process, { do: "go", held: numbers[process]! });
        assert.deepEqual([status, fields], [409, []]);
      }
      await assertAnonymous(cookie);
      assert.deepEqual((await ask(0, { do: "list", userId: "bea" })).handles, []);
    });

    it("SR-034 a log-out of a session that is over already ends nobody else's", async () => {
      const [first, second] = [await login("cid"), await login("cid")];
      const number = ++held;
      await send(0, first, { flush: true }, number);
      await send(1, first, { flush: true });
      assert.equal((await ask(0, { do: "go", held: number })).status, 200);
      assert.equal((await send(2, second, {})).seen!.user, "cid");
    });

    it("a handle that one process shows ends the session at another one after ten rotations", async () => {
      const ids = [await login("dan")];
      const [handle] = (await ask(1, { do: "list", userId: "dan" })).handles!;
      assert.equal(handle, await storageKey(ids[0]!));
      for (let i = 0; i < 10; i++) {
        ids.push(cookieOf(await send(i % 3, ids.at(-1)!, { cycle: i % 2 === 0 ? "plain" : "grace" })));
      }
      assert.equal((await ask(2, { do: "revoke", handle: handle!, userId: "dan" })).count, 1);
      await assertAnonymous(...ids);
    });
  });
}
