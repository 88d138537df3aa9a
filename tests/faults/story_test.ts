/** The reader of the plans sees each kind of fault: made by hand in a store in memory. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryStore } from "../../backends/memory.ts";
import { createSessions, SessionError, type SessionEvent } from "../../mod.ts";
import { secrets } from "../support/processes_stores.ts";
import { content } from "./content.ts";
import type { Opened } from "./places.ts";
import { type Outcome, outcome } from "./plan.ts";
import { Story } from "./story.ts";

interface Scene {
  readonly place: Opened;
  readonly id: string;
  /** What the reader counts after these lines. */
  read(...lines: string[]): Promise<Outcome>;
  change(n: number, data?: Record<string, unknown>): Promise<void>;
}

/** A session of slot `u` at count 2. */
async function scene(): Promise<Scene> {
  const store = new MemoryStore();
  const troubles: string[] = [];
  const onEvent = ({ type }: SessionEvent) => void (type === "damaged" && troubles.push(type));
  const sessions = createSessions({ store, secrets, onEvent });
  const place: Opened = { store, sessions, troubles, close: () => Promise.resolve() };
  const session = await sessions.open();
  session.login("u");
  session.assign(content("u", 2, 10));
  await session.save();
  const id = session.id!;
  return {
    place,
    id,
    async read(...lines) {
      const story = new Story();
      story.tell(lines);
      const result = outcome(1);
      await story.check(place, result);
      return result;
    },
    async change(n, data = content("u", n, 10)) {
      const session = await sessions.open(id);
      session.assign(data);
      await session.save();
    },
  };
}

const faults = ({ lost, torn, back, unreadable }: Outcome) => ({ lost, torn, back, unreadable });
const none = { lost: 0, torn: 0, back: 0, unreadable: 0 };

describe("the reader of the plans", () => {
  it("finds nothing wrong where all is as it was said, and where an operation may have happened", async () => {
    const { id, read, change, place } = await scene();
    const said = [`try u set ${id} 1`, `ok u set ${id} 2`];
    assert.deepEqual(faults(await read(...said)), none);
    assert.deepEqual(faults(await read(...said, `try u update ${id} 2`)), none);
    await change(3);
    assert.deepEqual(faults(await read(...said, `try u update ${id} 2`)), none);
    const session = await place.sessions.open(id);
    session.cycleKey();
    session.assign(content("u", 2, 10));
    await session.save();
    assert.deepEqual(faults(await read(...said, `try u rotate ${id} 2`)), none);
    await session.flush();
    assert.deepEqual(faults(await read(...said, `try u flush ${id} 2`)), none);
  });

  it("sees an acknowledged value that is missing, and a session that is", async () => {
    const { id, read, place } = await scene();
    assert.deepEqual(faults(await read(`ok u set ${id} 3`)), { ...none, lost: 1 });
    await (await place.sessions.open(id)).flush();
    assert.deepEqual(faults(await read(`ok u set ${id} 2`)), { ...none, lost: 1 });
    assert.deepEqual(faults(await read(`ok u set ${id} 2`, `try u rotate ${id} 2`)), { ...none, lost: 1 });
  });

  it("sees a mixture of two values, another's value, and one that nobody wrote", async () => {
    const { id, read, change } = await scene();
    await change(3, { n: 3 });
    assert.deepEqual(faults(await read(`ok u set ${id} 3`)), { ...none, torn: 1 });
    await change(3, content("v", 3, 10));
    assert.deepEqual(faults(await read(`ok u set ${id} 3`)), { ...none, torn: 1 });
    await change(9);
    assert.deepEqual(faults(await read(`ok u set ${id} 3`, `try u set ${id} 3`)), { ...none, torn: 1 });
  });

  it("sees a session that is back, and one too many of a user", async () => {
    const { id, read } = await scene();
    assert.deepEqual(faults(await read(`ok u set ${id} 2`, `ok u flush - 2`)), { ...none, back: 2 });
  });

  it("sees a record that cannot be read", async () => {
    const { id, read, place } = await scene();
    for (const code of ["ERR_DAMAGED", "ERR_STORE"] as const) {
      place.store.load = () => {
        throw new SessionError(code, "no");
      };
      assert.deepEqual(faults(await read(`ok u set ${id} 2`)), { ...none, unreadable: 1 });
    }
  });

  it("does not take half a line for an acknowledgement, nor a failure for one", async () => {
    const { id, read } = await scene();
    assert.deepEqual(faults(await read(`ok u set ${id} 2`, `try u set ${id} 2`, `fail u set - 3 E`)), none);
  });
});
