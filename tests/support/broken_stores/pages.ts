/** Stores whose lists come in pages that lose, show or cost too much. */
import type { ListOptions, SessionPage, StoredRecord } from "../../../src/store.ts";
import { CorrectStore, pageOf, type Placed } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

/** A store whose lists are in an order of its own. */
abstract class OrderedStore extends CorrectStore {
  abstract order(record: StoredRecord, key: string): number;
  override list(userId: string, options: ListOptions = {}): SessionPage {
    return pageOf(this.mine(userId), options);
  }
  mine(userId: string): Placed[] {
    return [...this.records].filter(([, record]) => this.isListed(record, userId))
      .map(([key, record]) => ({ key, record, ref: this.order(record, key) }));
  }
}

/** Orders records by an instant, and by the place of their keys where it is the same. */
function orderedBy(instant: (record: StoredRecord) => number): new () => CorrectStore {
  return class extends OrderedStore {
    order(record: StoredRecord, key: string) {
      return instant(record) * 1024 + this.places.get(key)!;
    }
  };
}

/** A store whose pages pass through `change` on their way out. */
function changing(
  change: (page: SessionPage, options: ListOptions, store: CorrectStore, userId: string) => SessionPage,
): new () => CorrectStore {
  return class extends CorrectStore {
    override list(userId: string, options: ListOptions = {}) {
      return change(super.list(userId, options) as SessionPage, options, this, userId);
    }
  };
}

const none = "no session is left out";
const all = "the pages of 250 sessions";

export const pageFaults: readonly BrokenStore[] = [
  fault(
    "a page begins one too late",
    all,
    changing((page) => page.next ? { ...page, next: String(Number(page.next) + 1) } : page),
  ),
  fault(
    "a page ends one too early, and the next begins after it",
    all,
    changing((page) => page.next ? { ...page, entries: page.entries.slice(0, -1) } : page),
  ),
  fault("list ends with the first page", all, changing(({ entries }) => ({ entries }))),
  fault(
    "list gives everything at once",
    all,
    class extends CorrectStore {
      override list(userId: string, options: ListOptions = {}) {
        super.list(userId, options);
        return super.list(userId, { limit: 1_000_000 });
      }
    },
  ),
  fault(
    "list gives a thousand where no limit is given",
    all,
    class extends CorrectStore {
      override list(userId: string, { after, limit = 1_000 }: ListOptions = {}) {
        return super.list(userId, { after, limit });
      }
    },
  ),
  fault(
    "list begins from the start again on every page",
    all,
    class extends CorrectStore {
      override list(userId: string, { limit }: ListOptions = {}) {
        return super.list(userId, { limit });
      }
    },
  ),
  fault(
    "list reads its pages by the instant of creation alone",
    all,
    class extends OrderedStore {
      order(record: StoredRecord) {
        return record.createdAt;
      }
    },
  ),
  fault(
    "the newest first: a touch moves a session back past the cursor",
    none,
    orderedBy((one) => -one.touchedAt),
  ),
  fault(
    "the oldest end first: a save moves a session back past the cursor",
    none,
    orderedBy((one) => one.expiresAt),
  ),
  fault(
    "the oldest first: a log-in moves a session past the cursor",
    none,
    orderedBy((one) => one.createdAt),
  ),
  fault(
    "the cursor is a number of entries, and a removal shifts the pages",
    none,
    class extends CorrectStore {
      override list(userId: string, { after = "0", limit = 100 }: ListOptions = {}) {
        const { entries } = super.list(userId, { limit: 1_000_000 }) as SessionPage;
        pageOf([], { limit });
        const end = Number(after) + limit;
        return {
          entries: entries.slice(Number(after), end),
          ...end < entries.length && { next: String(end) },
        };
      }
    },
  ),
  fault(
    "the cursor is a key, and with its removal the list ends",
    none,
    class extends CorrectStore {
      override list(userId: string, { after, limit = 100 }: ListOptions = {}) {
        const { entries } = super.list(userId, { limit: 1_000_000 }) as SessionPage;
        pageOf([], { limit });
        const at = entries.findIndex(({ key }) => key === after);
        const rest = after === undefined ? entries : at < 0 ? [] : entries.slice(at + 1);
        const page = rest.slice(0, limit);
        return { entries: page, ...page.length < rest.length && { next: page.at(-1)!.key } };
      }
    },
  ),
  fault(
    "a session that was touched is on no later page",
    none,
    class extends CorrectStore {
      #touched = new Set<string>();
      override touch(key: string, touchedAt: number, expiresAt: number, version: string) {
        this.#touched.add(key);
        return super.touch(key, touchedAt, expiresAt, version);
      }
      override list(userId: string, options: ListOptions = {}) {
        const page = super.list(userId, options) as SessionPage;
        if (options.after === undefined) this.#touched.clear();
        return { ...page, entries: page.entries.filter(({ key }) => !this.#touched.has(key)) };
      }
    },
  ),
  fault(
    "the pages are those of the moment at which the first was read",
    none,
    class extends CorrectStore {
      #first = new Map<string, Placed[]>();
      override list(userId: string, options: ListOptions = {}) {
        if (options.after === undefined) {
          const mine = [...this.records].filter(([, record]) => this.isListed(record, userId));
          this.#first.set(
            userId,
            mine.map(([key, record]) => ({ key, record, ref: this.places.get(key)! })),
          );
        }
        return pageOf(this.#first.get(userId) ?? [], options);
      }
    },
  ),
  fault(
    "list shows the data",
    "shows no data",
    changing((page, _options, store) => ({
      ...page,
      entries: page.entries.map(({ key }) => ({ key, record: store.records.get(key)! })),
    })),
  ),
  fault(
    "list answers an array, as it once did",
    "list shows exactly",
    changing(({ entries }) => entries as unknown as SessionPage),
  ),
  fault(
    "next is null on the last page",
    "list shows exactly",
    changing((page) => ({ next: null as unknown as string, ...page })),
  ),
  fault(
    "next is a number",
    all,
    changing((page) => page.next ? { ...page, next: Number(page.next) as unknown as string } : page),
  ),
  fault(
    "a limit of 0 is an empty page",
    "is a RangeError",
    class extends CorrectStore {
      override list(userId: string, options: ListOptions = {}) {
        return options.limit === 0 ? { entries: [] } : super.list(userId, options);
      }
    },
  ),
  fault(
    "a wrong limit is a TypeError",
    "is a RangeError",
    class extends CorrectStore {
      override list(userId: string, options: ListOptions = {}) {
        try {
          return super.list(userId, options);
        } catch {
          throw new TypeError("limit");
        }
      }
    },
  ),
  fault(
    "a limit is taken for the number it can be read as",
    "is a RangeError",
    class extends CorrectStore {
      override list(userId: string, { after, limit = 100 }: ListOptions = {}) {
        return super.list(userId, {
          after,
          limit: typeof limit === "string" ? Number.parseInt(limit) : limit,
        });
      }
    },
  ),
  fault(
    "a page that follows another shows whoever comes next",
    "leads to no other user's",
    class extends CorrectStore {
      override isListed(record: StoredRecord, userId: string) {
        return this.later ? record.userId !== undefined : super.isListed(record, userId);
      }
      later = false;
      override list(userId: string, options: ListOptions = {}) {
        this.later = options.after !== undefined;
        return super.list(userId, options);
      }
    },
  ),
];
