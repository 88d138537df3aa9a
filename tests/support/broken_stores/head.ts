/** Stores that lose the head of a record, or take it for something else. */
import type { ListOptions, SessionPage, SessionRecord } from "../../../src/store.ts";
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, changing, fault } from "./fault.ts";

const changingHead = (change: (head: string) => string): new () => CorrectStore =>
  changing((record) => record.head === undefined ? record : { ...record, head: change(record.head) });

export const headFaults: readonly BrokenStore[] = [
  fault("the head is lost", "a head comes back", changing(({ head: _, ...record }) => record)),
  fault(
    "the head is lost on save",
    "a head comes back",
    class extends CorrectStore {
      override save(key: string, { head: _, ...record }: SessionRecord, version: string) {
        return super.save(key, record, version);
      }
    },
  ),
  fault(
    "the head is kept when a save takes it away",
    "a head comes back",
    class extends CorrectStore {
      override save(key: string, record: SessionRecord, version: string) {
        return super.save(key, { ...this.records.get(key), ...record }, version);
      }
    },
  ),
  fault(
    "the head stays as it was created",
    "a head comes back",
    class extends CorrectStore {
      override save(key: string, record: SessionRecord, version: string) {
        const head = this.records.get(key)?.head;
        return super.save(key, head === undefined ? record : { ...record, head }, version);
      }
    },
  ),
  fault(
    "the head is lost on touch",
    "touch keeps the head",
    class extends CorrectStore {
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        const isTouched = super.touch(key, touchedAt, expiresAt, version);
        const found = this.records.get(key);
        if (isTouched && found !== undefined) {
          const { head: _, ...rest } = found;
          this.put(key, rest, version);
        }
        return isTouched;
      }
    },
  ),
  fault(
    "an empty head is no head",
    "a head comes back",
    changing(({ head, ...record }) => head ? { ...record, head } : record),
  ),
  fault("no head is an empty head", "a head comes back", changing((record) => ({ head: "", ...record }))),
  fault(
    "a head of undefined is the text undefined",
    "a head of undefined",
    changing((record) => "head" in record ? { ...record, head: String(record.head) } : record),
  ),
  fault(
    "a head that was not given is a field",
    "a head comes back",
    class extends CorrectStore {
      override load(key: string) {
        const found = this.records.get(key);
        return found && { ...found, head: found.head as string };
      }
    },
  ),
  fault("the head is cut at 1,024", "4,096 bytes", changingHead((head) => head.slice(0, 1_024))),
  fault("the head is cut at 4,095", "4,096 bytes", changingHead((head) => head.slice(0, 4_095))),
  fault(
    "the head holds 1,000 characters of several bytes",
    "4,096 bytes",
    changingHead((head) =>
      [...head].length < 4_000 && /[^\0-\x7f]/.test(head) ? [...head].slice(0, 1_000).join("") : head
    ),
  ),
  fault(
    "the head ends at a NUL",
    "every kind of text comes back as it was as a head",
    changingHead((head) => head.split("\0")[0]!),
  ),
  fault("the head is Latin-1", "as a head", changingHead((head) => head.replace(/[^\0-\xff]/g, "?"))),
  fault("the head is trimmed", "as a head", changingHead((head) => head.trim())),
  fault(
    "head and data are kept as two lines of one text",
    "as a head",
    changing((record) => {
      if (record.head === undefined) return record;
      const [head, ...data] = `${record.head}\n${record.data}`.split("\n");
      return { ...record, head: head!, data: data.join("\n") };
    }),
  ),
  fault(
    "list shows no head",
    "list shows the head",
    class extends CorrectStore {
      override list(userId: string, options?: ListOptions) {
        const page = super.list(userId, options) as SessionPage;
        return {
          ...page,
          entries: page.entries.map(({ key, record: { head: _, ...record } }) => ({ key, record })),
        };
      }
    },
  ),
  fault(
    "list shows the head as it was created",
    "list shows the head",
    class extends CorrectStore {
      #born = new Map<string, SessionRecord>();
      override create(key: string, record: SessionRecord) {
        const version = super.create(key, record);
        if (version !== undefined) this.#born.set(key, record);
        return version;
      }
      override list(userId: string, options?: ListOptions) {
        const page = super.list(userId, options) as SessionPage;
        const entries = page.entries.map(({ key, record: { head: _, ...record } }) => {
          const { head } = this.#born.get(key)!;
          return { key, record: { ...record, ...head !== undefined && { head } } };
        });
        return { ...page, entries };
      }
    },
  ),
];
