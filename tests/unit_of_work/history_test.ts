import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Session, SessionError } from "../../mod.ts";
import { begin, dice, seed, Site, stores, turn } from "../support/commit_rig.ts";

const units = 4;
const steps = 10;
const rounds = 100;

/** What a random history must leave behind: every token once, whoever wrote it, however saves overlapped. */
class Expected {
  /** Tokens that were put into a list that all units share, through `update`. */
  readonly shared: string[] = [];
  /** For each unit the tokens that it pushed into a list of its own, in order. */
  readonly own: string[][] = Array.from({ length: units }, () => []);
  readonly keys: string[] = [];
}

/** Saves until no conflict is in the way. */
async function save(session: Session): Promise<void> {
  for (;;) {
    try {
      return await session.save();
    } catch (error) {
      if (!(error instanceof SessionError && error.code === "ERR_CONFLICT")) throw error;
    }
  }
}

async function act(
  session: Session,
  unit: number,
  roll: (below: number) => number,
  expected: Expected,
): Promise<void> {
  const mine = `own${unit}`;
  const own = expected.own[unit]!;
  let held: string[] | undefined;
  const running: Promise<void>[] = [];
  for (let step = 0; step < steps; step++) {
    const token = `${unit}.${step}`;
    const kind = roll(10);
    if (kind === 0) session.update("shared", (list: string[] = []) => [...list, token]);
    if (kind === 1) session.update("shared", (list: string[] = []) => (list.push(token), list));
    if (kind <= 1) expected.shared.push(token);
    if (kind === 2) held = session.setDefault(mine, []);
    if (kind === 3) session.update(mine, (list: string[] = []) => [...list, token]);
    if (kind === 4) (held = session.setDefault(mine, [])).push(token);
    if (kind === 5 && held !== undefined && session.get(mine) === held) held.push(token);
    else if (kind === 5) session.set(mine, [...session.get(mine, []), token]);
    if (kind >= 3 && kind <= 5) own.push(token);
    if (kind === 6) expected.keys.push(token) && session.set(token, true);
    if (kind === 7) session.toObject();
    if (kind === 8) running.push(save(session));
    if (kind === 9) await save(session);
    if (roll(3) === 0) await turn();
  }
  await Promise.all(running);
  await save(session);
}

for (const { name, open } of stores) {
  describe(`random histories, on ${name}`, () => {
    it(`SR-042 nothing is lost and nothing is applied twice in ${rounds} of them`, async () => {
      console.log(`SOJOURN_SEED=${seed}`);
      const site = new Site(await open());
      const sites = [site, site.other()];
      const wrong: string[] = [];
      for (let round = 0; round < rounds; round++) {
        const roll = dice(seed + round);
        const browser = await begin(site);
        const id = await browser.id();
        const expected = new Expected();
        const sessions = await Promise.all(
          Array.from({ length: units }, (_, i) => sites[i % 2]!.sessions.open(id)),
        );
        const wait = async () => {
          for (let turns = roll(3); turns > 0; turns--) await turn();
        };
        for (const { store } of sites) store.before = store.after = wait;
        await Promise.all(sessions.map((session, unit) => act(session, unit, roll, expected)));
        for (const { store } of sites) store.before = store.after = undefined;
        const { shared = [], ...data } = await site.stored(id) as Record<string, unknown>;
        const got = {
          shared: [...shared as string[]].sort(),
          own: expected.own.map((_, unit) => data[`own${unit}`] ?? []),
          keys: Object.keys(data).filter((key) => key.includes(".")).sort(),
        };
        const want = { shared: expected.shared.sort(), own: expected.own, keys: expected.keys.sort() };
        if (JSON.stringify(got) !== JSON.stringify(want)) {
          wrong.push(`seed ${seed + round}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`);
        }
      }
      assert.equal(wrong.length, 0, `${wrong.length} of ${rounds}; the first: ${wrong[0]}`);
    });
  });
}
