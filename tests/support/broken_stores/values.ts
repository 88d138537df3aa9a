/** Stores that give back something else than what they got. */
import type { SessionRecord } from "../../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, changing, fault } from "./fault.ts";

const changingData = (change: (data: string) => string): new () => CorrectStore =>
  changing((record) => ({ ...record, data: change(record.data) }));

export const valuesFaults: readonly BrokenStore[] = [
  fault(
    "the record is the caller's own object",
    "changing a record that was handed in",
    class extends CorrectStore {
      override put(key: string, record: SessionRecord, version: string) {
        this.records.set(key, Object.assign(Object.isFrozen(record) ? { ...record } : record, { version }));
        return version;
      }
    },
  ),
  fault(
    "load hands out the store's own object",
    "changing a loaded record",
    class extends CorrectStore {
      override put(key: string, record: SessionRecord, version: string) {
        super.put(key, record, version);
        this.records.set(key, { ...this.records.get(key)! });
        return version;
      }
    },
  ),
  fault(
    "save changes the record that load gave",
    "a loaded record never changes",
    class extends CorrectStore {
      override put(key: string, record: SessionRecord, version: string) {
        const known = this.records.get(key);
        if (known === undefined) this.records.set(key, { ...record, version });
        else Object.assign(known, record, { version });
        return version;
      }
    },
  ),
  fault("the user is lost", "userId comes back", changing(({ userId: _, ...record }) => record)),
  fault(
    "an empty user is a null",
    "userId comes back",
    class extends CorrectStore {
      override load(key: string) {
        const found = this.records.get(key);
        return found && { ...found, userId: found.userId ?? null as unknown as string };
      }
    },
  ),
  fault(
    "an undefined user is the text undefined",
    "a userId of undefined",
    changing((record) => "userId" in record ? { ...record, userId: String(record.userId) } : record),
  ),
  fault(
    "a user that was not given is a field",
    "userId comes back",
    class extends CorrectStore {
      override load(key: string) {
        const found = this.records.get(key);
        return found && { ...found, userId: found.userId as string };
      }
    },
  ),
  fault(
    "a user is kept when a save takes it away",
    "userId comes back",
    class extends CorrectStore {
      override put(key: string, record: SessionRecord, version: string) {
        return super.put(key, { ...this.records.get(key), ...record }, version);
      }
    },
  ),
  fault("data is cut at 65,535", "data of the greatest size", changingData((data) => data.slice(0, 65_535))),
  fault("data is lower-cased", "every kind of text", changingData((data) => data.toLowerCase())),
  fault("data is trimmed", "every kind of text", changingData((data) => data.trim())),
  fault("data ends at a NUL", "every kind of text", changingData((data) => data.split("\0")[0]!)),
  fault(
    "data loses its byte order mark",
    "every kind of text",
    changingData((data) => data.replace(/^\ufeff/, "")),
  ),
  fault("data is normalised", "every kind of text", changingData((data) => data.normalize("NFC"))),
  fault("data is Latin-1", "every kind of text", changingData((data) => data.replace(/[^\0-\xff]/g, "?"))),
  fault(
    "data is parsed and written again",
    "every kind of text",
    changingData((data) => {
      try {
        return JSON.stringify(JSON.parse(data));
      } catch {
        return data;
      }
    }),
  ),
  fault(
    "instants are whole seconds",
    "instants come back",
    changing((record) => ({
      ...record,
      expiresAt: Math.floor(record.expiresAt / 1000) * 1000,
    })),
  ),
  fault(
    "instants are 32 bits wide",
    "instants come back",
    changing((record) => ({
      ...record,
      createdAt: record.createdAt >>> 0,
    })),
  ),
  fault(
    "create writes its own instants",
    "create keeps the record",
    class extends CorrectStore {
      override create(key: string, record: SessionRecord) {
        return super.create(key, { ...record, touchedAt: Date.now(), createdAt: Date.now() });
      }
    },
  ),
];
