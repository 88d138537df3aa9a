/** One save of a session: what it writes over the session as it was loaded, and over one that others have changed since. */

import type { StoredSession } from "../transport/transport.ts";
import { buildRecord } from "./compose.ts";
import type { SessionContext } from "./context.ts";
import type { Draft } from "../data/format.ts";
import type { SessionAge } from "../data/lifetime.ts";
import type { QueuedSave } from "./save_queue.ts";
import { requireFit, unfit, validate } from "../schema.ts";
import type { Change, ChangeTracker } from "./change_tracker.ts";
import type { MaybePromise, SessionRecord } from "../store.ts";
import { CheckedValues, toObject } from "../data/values.ts";

/** Takes the changes out of a state; `giveBack` undoes that. */
export class Save implements QueuedSave {
  /** The session as it was loaded; `undefined` for a new one. */
  stored: StoredSession | undefined;
  readonly tracker: ChangeTracker;
  readonly rotation: ChangeTracker["rotation"];
  /** Whether the session gets a new end, so that its cookie needs one too. */
  extendsExpiry = false;
  readonly #context: SessionContext;
  readonly #log: readonly Change[];
  readonly #life: SessionAge;
  readonly #text: string;
  readonly #isFresh: boolean;
  isShared = false;
  #isReplayed = false;

  /** @throws {SessionError} `ERR_SERIALIZE` or `ERR_TOO_LARGE`, and then the state is as it was. */
  constructor(
    context: SessionContext,
    state: ChangeTracker,
    found: StoredSession | undefined,
    isForced: boolean,
  ) {
    const { draft, log, rotation } = state;
    const { meta, userId, createdAt, touchedAt } = draft;
    this.#text = context.format.write(draft);
    this.#life = { meta, userId, createdAt, touchedAt };
    this.#isFresh = isForced || rotation !== undefined || context.policy.extendsOnEverySave;
    this.#log = log;
    this.#context = context;
    this.rotation = rotation;
    this.stored = found;
    this.tracker = state;
    state.log = [];
    state.rotation = undefined;
  }

  /** The first record of a new session. */
  newRecord(): SessionRecord {
    this.stored = undefined;
    this.#isReplayed = this.isShared = false;
    return this.#put(this.#life, this.#text, undefined);
  }

  apply(base: StoredSession): MaybePromise<SessionRecord> {
    this.#isReplayed = base.record !== this.stored?.record;
    if (!this.#isReplayed) return this.#put(this.#life, this.#text, base);
    const { format, schema } = this.#context;
    return schema === undefined
      ? this.#write(this.#replay(format.read(base.record)), base)
      : this.#applyChecked(base);
  }

  async #applyChecked(base: StoredSession): Promise<SessionRecord> {
    const fresh = this.#replay(await readChecked(this.#context, base.record));
    await requireFit(this.#context.schema!, fresh.values);
    return this.#write(fresh, base);
  }

  #replay(fresh: Draft): Draft {
    for (const change of this.#log) change(fresh);
    fresh.source = undefined;
    return fresh;
  }

  #write(fresh: Draft, base: StoredSession): SessionRecord {
    return this.#put(fresh, this.#context.format.write(fresh), base);
  }

  #put(life: SessionAge, data: string, base: StoredSession | undefined): SessionRecord {
    const { limits, now } = this.#context;
    const { record, extendsExpiry } = buildRecord(limits, now(), life, data, base, this.#isFresh);
    this.extendsExpiry = extendsExpiry;
    return record;
  }

  /** Whether what was saved holds more than the handler saw. */
  get isMerged(): boolean {
    return this.#isReplayed || this.isShared;
  }

  /** After a failure: the next save is to write this too. */
  rollBack(): void {
    const { tracker, rotation } = this;
    tracker.log = [...this.#log, ...tracker.log];
    if (rotation === undefined) return;
    if (tracker.rotation === undefined) tracker.rotation = rotation;
    else tracker.requestRotation(rotation.why, rotation.grace);
  }

  /** After all it was written: undoes `giveBack`. */
  confirm(): void {
    const { tracker, rotation } = this;
    tracker.log = tracker.log.slice(this.#log.length);
    tracker.rotation = tracker.rotation === rotation || !tracker.rotation
      ? undefined
      : { ...tracker.rotation, next: undefined };
  }
}

/** The content of a record as the handler is to see it: what the schema makes of what is stored; `undefined` if it does not fit. */
export async function check(
  { format, schema }: SessionContext,
  record: SessionRecord,
  draft: Draft = format.read(record),
): Promise<Draft | undefined> {
  if (schema === undefined || draft.values.size === 0) return draft;
  const data = await validate(schema, toObject(draft.values));
  return data && format.draft(new CheckedValues(data, () => format.read(record).values), draft);
}

/** The same. @throws {SessionError} `ERR_SERIALIZE` if it does not fit. */
export async function readChecked(context: SessionContext, record: SessionRecord): Promise<Draft> {
  return await check(context, record) ?? unfit();
}
