/** A minimal model of a store: what a command may return, and the records after it. */
import type { MaybePromise, SessionRecord, SessionStore, StoredRecord } from "../store.ts";

/** One call of a store. */
export type Command =
  | { readonly op: "load" | "delete"; readonly key: string }
  | { readonly op: "create"; readonly key: string; readonly record: SessionRecord }
  | { readonly op: "save"; readonly key: string; readonly record: SessionRecord; readonly version: string }
  | {
    readonly op: "touch";
    readonly key: string;
    readonly touchedAt: number;
    readonly expiresAt: number;
    readonly version: string;
  };

/** The result of a command. */
export type Answer = StoredRecord | string | boolean | undefined;

/** A command with its result. */
export interface Done {
  readonly command: Command;
  readonly answer: Answer;
}

/** The records by key. */
export type Model = ReadonlyMap<string, StoredRecord>;

/** Sends a command to a real store. */
export function execute(store: SessionStore, command: Command): MaybePromise<Answer> {
  switch (command.op) {
    case "load":
      return store.load(command.key);
    case "delete":
      return store.delete(command.key);
    case "create":
      return store.create(command.key, command.record);
    case "save":
      return store.save(command.key, command.record, command.version);
    case "touch":
      return store.touch!(command.key, command.touchedAt, command.expiresAt, command.version);
  }
}

/** The records after a command with this result; `undefined` if the result is wrong. */
export function step(model: Model, { command, answer }: Done): Model | undefined {
  const found = model.get(command.key);
  switch (command.op) {
    case "load":
      return sameRecord(answer as StoredRecord | undefined, found) ? model : undefined;
    case "delete":
      return answer === (found !== undefined) ? changed(model, command.key) : undefined;
    case "touch": {
      if (answer !== (found?.version === command.version)) return undefined;
      return answer ? changed(model, command.key, moved(found!, command)) : model;
    }
    case "create":
      return write(model, command.key, found === undefined, command.record, answer);
    case "save":
      return write(model, command.key, found?.version === command.version, command.record, answer);
  }
}

/** A record after a touch: each instant moves forward or stays. */
export function moved(
  record: StoredRecord,
  { touchedAt, expiresAt }: Pick<StoredRecord, "touchedAt" | "expiresAt">,
): StoredRecord {
  return {
    ...record,
    touchedAt: Math.max(record.touchedAt, touchedAt),
    expiresAt: Math.max(record.expiresAt, expiresAt),
  };
}

/** The records after a write, which returns a version exactly if it was allowed. */
function write(
  model: Model,
  key: string,
  allowed: boolean,
  record: SessionRecord,
  answer: Answer,
): Model | undefined {
  if (typeof answer !== "string") return answer === undefined && !allowed ? model : undefined;
  return allowed ? changed(model, key, { ...record, version: answer }) : undefined;
}

/** Whether the concurrent commands can have happened in some order that ends with these records. */
export function canExplain(model: Model, commands: readonly Done[], end: Model): boolean {
  if (commands.length === 0) return sameModel(model, end);
  return commands.some((done, n) => {
    const next = step(model, done);
    return next !== undefined && canExplain(next, commands.toSpliced(n, 1), end);
  });
}

function changed(model: Model, key: string, record?: StoredRecord): Model {
  const copy = new Map(model);
  if (record === undefined) copy.delete(key);
  else copy.set(key, record);
  return copy;
}

function sameModel(one: Model, other: Model): boolean {
  return one.size === other.size && [...one].every(([key, record]) => sameRecord(record, other.get(key)));
}

function sameRecord(one: StoredRecord | undefined, other: StoredRecord | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.data === other.data && one.head === other.head && one.userId === other.userId &&
    one.createdAt === other.createdAt && one.touchedAt === other.touchedAt &&
    one.expiresAt === other.expiresAt && one.version === other.version;
}
