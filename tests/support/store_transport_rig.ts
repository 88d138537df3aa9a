/** What the tests of the transport of server-held sessions share: a store that answers later, and transports over it. */

import { MemoryStore } from "../../backends/memory.ts";
import type { SessionEvent, SessionRecord } from "../../mod.ts";
import type { Rotation, TransportContext } from "../../src/transport/transport.ts";
import { Events } from "../../src/events.ts";
import { StoreTransport } from "../../src/transport/store_transport.ts";
import { StagedStore, turn } from "./commit_rig.ts";
import { secret } from "./identity_rig.ts";

export const grace = 30;

/** What `setUp` makes. */
export interface Setting {
  readonly clock: { now: number };
  readonly store: StagedStore;
  /** Types and reasons of what was reported. */
  readonly told: string[];
  readonly transport: (secrets?: Uint8Array<ArrayBuffer>[]) => StoreTransport;
  readonly record: (userId?: string, data?: string) => SessionRecord;
  readonly first: StoreTransport;
}

/** A store, and transports over it that know nothing of each other. */
export function setUp(inner?: StagedStore["inner"]): Setting {
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const store = new StagedStore(inner ?? new MemoryStore({ now }));
  store.before = () => turn();
  const told: string[] = [];
  const tell = ({ type, reason }: SessionEvent) => void told.push([type, reason].filter(Boolean).join(" "));
  const transport = (secrets = [secret(1)]) => {
    const kit: Partial<TransportContext> = {
      secrets,
      cookie: {
        name: "sid",
        set: (value: string) => `sid=${value}`,
        clearAll: () => ["sid="],
      } as never,
      timeout: 30,
      events: new Events(tell, now, (key) => Promise.resolve(key)),
      now,
    };
    return new StoreTransport(store, kit as TransportContext);
  };
  const record = (userId?: string, data = "{}"): SessionRecord => ({
    data,
    head: "1",
    ...(userId === undefined ? {} : { userId }),
    createdAt: clock.now,
    touchedAt: clock.now,
    expiresAt: clock.now + 86_400_000,
  });
  return { clock, store, told, transport, record, first: transport() };
}

/** What a browser sends that was given this session. */
export const cookie = ({ ref }: { readonly ref: { readonly cookieValue: string } }): string =>
  `sid=${ref.cookieValue}`;

/** A wish for a new id. */
export const cycle = (grace = 0, why: Rotation["why"] = "rotated"): Rotation => ({ why, grace });
