/** Tables that refer to Django's sessions, and sites' own columns: the same tests for every database. */

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { DjangoEngine } from "../../../backends/django/engines/engine.ts";
import { freshKey } from "./engine_suite.ts";

/** What a test needs to know of a database. */
export interface RelatedCase {
  /** A name that no other case uses in this database. */
  readonly name: string;
  /** Django's columns, as the database declares them. */
  readonly columns: string;
  /** How it declares that a table refers to another one, and the same where a row that is referred to cannot go. */
  readonly rules: readonly string[];
  engine(table: string): DjangoEngine;
  run(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Registers the tests. */
export function testRelated({ name, columns, rules, engine: open, run }: RelatedCase): void {
  const row = (text: string, seconds = 600) => ({ text, expiresAt: Date.now() + seconds * 1000 });
  const only = async (sql: string) => String(Object.values((await run(sql))[0] ?? {})[0]);

  for (const [i, rule] of [...rules, "ON DELETE CASCADE"].entries()) {
    const isKept = i < rules.length;
    describe(`rows that a table refers to, ${rule || "as the database has it"}`, () => {
      const table = `own_${name}_${i}`;
      const engine = () => open(table);
      before(async () => {
        await run(`CREATE TABLE ${table} (${columns}, account_id integer NULL)`);
        await run(
          `CREATE TABLE device_${name}_${i} (id integer PRIMARY KEY, session_id varchar(40) NOT NULL, ` +
            `FOREIGN KEY (session_id) REFERENCES ${table} (session_key) ${rule})`,
        );
      });
      let devices = 0;
      const refer = (key: string) => run(`INSERT INTO device_${name}_${i} VALUES (${++devices}, '${key}')`);
      const orphans = () =>
        only(
          `SELECT count(*) AS n FROM device_${name}_${i} d WHERE NOT EXISTS ` +
            `(SELECT 1 FROM ${table} s WHERE s.session_key = d.session_id)`,
        );
      const stored = async (key: string) =>
        (await run(`SELECT session_data AS t, account_id AS a FROM ${table} WHERE session_key = '${key}'`))[
          0
        ];
      const begin = async (text: string, seconds?: number) => {
        const key = freshKey();
        await engine().create(key, row(text, seconds));
        await run(`UPDATE ${table} SET account_id = 7 WHERE session_key = '${key}'`);
        return key;
      };

      it("end at a log-out", async () => {
        const key = await begin("a");
        await refer(key);
        assert.equal(await engine().delete(key), true);
        assert.equal(await engine().load(key), undefined);
        assert.equal(await engine().delete(key), false);
        assert.equal(await engine().replace(key, row("b"), "a"), false);
        assert.equal(await engine().rotate(key, freshKey(), row("b"), "a"), false);
        const left = await stored(key);
        assert.equal(left?.["t"], isKept ? "" : undefined);
        if (isKept) {
          const ended =
            `SELECT count(*) AS n FROM ${table} WHERE session_key = '${key}' AND expire_date < '2000-01-01'`;
          assert.equal(await only(ended), "1", "expired for Django too");
        }
        assert.equal(await orphans(), "0");
      });

      it("end at a rotation, and the new row has the columns of the old one", async () => {
        const [key, fresh, taken] = [await begin("a"), freshKey(), await begin("t")];
        await refer(key);
        assert.equal(await engine().rotate(key, fresh, row("b"), "x"), false);
        assert.equal(await engine().rotate(key, taken, row("b"), "a"), false);
        assert.deepEqual([(await engine().load(key))?.text, (await engine().load(taken))?.text], ["a", "t"]);
        assert.equal(await engine().rotate(key, fresh, row("b"), "a"), true);
        assert.equal(await engine().load(key), undefined);
        assert.equal(await engine().delete(key), false, "what is left is no session");
        assert.equal((await engine().load(fresh))?.text, "b");
        const left = await stored(fresh);
        assert.deepEqual([left?.["t"], Number(left?.["a"])], ["b", 7]);
        assert.equal(await orphans(), "0");
      });

      it("do not keep others from being cleared", async () => {
        const live = await begin("live");
        const old: string[] = [];
        for (let n = 0; n < 9; n++) old.push(await begin(`old ${n}`, -100 + n));
        for (const key of [old[0]!, old[4]!, old[5]!, live]) await refer(key);
        const clear = (limit: number) => engine().clearExpired(Date.now(), limit, () => undefined);
        // Each call may stop when half of its time is over, and goes on with the next.
        let [cleared, last] = [await clear(2), NaN];
        assert.ok(cleared > 0 && cleared <= 2);
        while (last !== 0) cleared += last = await clear(100);
        assert.equal(cleared, 9);
        for (const [n, key] of old.entries()) {
          assert.equal(await engine().load(key), undefined);
          assert.equal((await stored(key))?.["t"], isKept && [0, 4, 5].includes(n) ? "" : undefined);
        }
        assert.equal((await engine().load(live))?.text, "live");
        assert.equal(await orphans(), "0");
      });

      it("of which nothing refers to are removed and renamed, with the site's own columns", async () => {
        const [key, fresh] = [await begin("a"), freshKey()];
        assert.equal(await engine().rotate(key, fresh, row("b"), "a"), true);
        const left = await stored(fresh);
        assert.deepEqual([left?.["t"], Number(left?.["a"])], ["b", 7]);
        assert.equal(await stored(key), undefined);
        assert.equal(await engine().delete(fresh), true);
        assert.equal(await stored(fresh), undefined);
      });
    });
  }
}
