/** One save of a session: what it writes over the session as it was loaded, and over one that others have changed since. */

import type { Found } from "../transport/transport.ts";
import { compose } from "./compose.ts";
import type { DataFormat, Draft } from "../data/format.ts";
import type { Life, Limits } from "../data/lifetime.ts";
import type { Task } from "./save_queue.ts";
import type { Manners } from "../transport/policy.ts";
import { demand, type StandardSchema, unfit, validate } from "../schema.ts";
import type { Change, State } from "./change_tracker.ts";
import type { MaybePromise, SessionRecord } from "../store.ts";
import { CheckedValues, toObject } from "../data/values.ts";

/** What a save needs of what all units of work share. */
export interface SavingKit {
  readonly format: DataFormat;
  readonly limits: Limits;
  readonly manners: Manners;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly now: () => number;
}

/** Takes the changes out of a state; `giveBack` undoes that. */
export class Saving implements Task {
  /** The session as it was loaded; `undefined` for a new one. */
  found: Found | undefined;
  readonly state: State;
  readonly cycles: State["cycles"];
  /** Whether the session gets a new end, so that its cookie needs one too. */
  renews = false;
  readonly #kit: SavingKit;
  readonly #log: readonly Change[];
  readonly #life: Life;
  readonly #text: string;
  readonly #isFresh: boolean;
  isShared = false;
  #isReplayed = false;

  /** @throws {SessionError} `ERR_SERIALIZE` or `ERR_TOO_LARGE`, and then the state is as it was. */
  constructor(kit: SavingKit, state: State, found: Found | undefined, isForced: boolean) {
    const { draft, log, cycles } = state;
    const { notes, userId, createdAt, touchedAt } = draft;
    this.#text = kit.format.write(draft);
    this.#life = { notes, userId, createdAt, touchedAt };
    this.#isFresh = isForced || cycles !== undefined || kit.manners.renewsAlways;
    this.#log = log;
    this.#kit = kit;
    this.cycles = cycles;
    this.found = found;
    this.state = state;
    state.log = [];
    state.cycles = undefined;
  }

  /** The first record of a new session. */
  first(): SessionRecord {
    this.found = undefined;
    this.#isReplayed = this.isShared = false;
    return this.#put(this.#life, this.#text, undefined);
  }

  apply(base: Found): MaybePromise<SessionRecord> {
    this.#isReplayed = base.record !== this.found?.record;
    if (!this.#isReplayed) return this.#put(this.#life, this.#text, base);
    const { format, schema } = this.#kit;
    return schema === undefined
      ? this.#write(this.#replay(format.read(base.record)), base)
      : this.#applyChecked(base);
  }

  async #applyChecked(base: Found): Promise<SessionRecord> {
    const fresh = this.#replay(await readChecked(this.#kit, base.record));
    await demand(this.#kit.schema!, fresh.values);
    return this.#write(fresh, base);
  }

  #replay(fresh: Draft): Draft {
    for (const change of this.#log) change(fresh);
    fresh.source = undefined;
    return fresh;
  }

  #write(fresh: Draft, base: Found): SessionRecord {
    return this.#put(fresh, this.#kit.format.write(fresh), base);
  }

  #put(life: Life, data: string, base: Found | undefined): SessionRecord {
    const { limits, now } = this.#kit;
    const { record, renews } = compose(limits, now(), life, data, base, this.#isFresh);
    this.renews = renews;
    return record;
  }

  /** Whether what was saved holds more than the handler saw. */
  get isMerged(): boolean {
    return this.#isReplayed || this.isShared;
  }

  /** After a failure: the next save is to write this too. */
  giveBack(): void {
    const { state, cycles } = this;
    state.log = [...this.#log, ...state.log];
    if (cycles === undefined) return;
    if (state.cycles === undefined) state.cycles = cycles;
    else state.cycle(cycles.why, cycles.grace);
  }

  /** After all it was written: undoes `giveBack`. */
  takeBack(): void {
    const { state, cycles } = this;
    state.log = state.log.slice(this.#log.length);
    state.cycles = state.cycles === cycles || !state.cycles
      ? undefined
      : { ...state.cycles, next: undefined };
  }
}

/** The content of a record as the handler is to see it: what the schema makes of what is stored; `undefined` if it does not fit. */
export async function check(
  { format, schema }: Pick<SavingKit, "format" | "schema">,
  record: SessionRecord,
  draft: Draft = format.read(record),
): Promise<Draft | undefined> {
  if (schema === undefined || draft.values.size === 0) return draft;
  const data = await validate(schema, toObject(draft.values));
  return data && format.draft(new CheckedValues(data, () => format.read(record).values), draft);
}

/** The same. @throws {SessionError} `ERR_SERIALIZE` if it does not fit. */
export async function readChecked(kit: SavingKit, record: SessionRecord): Promise<Draft> {
  return await check(kit, record) ?? unfit();
}
