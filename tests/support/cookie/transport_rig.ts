/** What the tests of the carrier of sessions in cookies share. */

import { CookieCarrier, type Ending } from "../../../backends/cookie/cookie_transport.ts";
import type { SessionEvent, SessionRecord } from "../../../mod.ts";
import { CookieWriter } from "../../../src/transport/cookie.ts";
import type { CarrierKit } from "../../../src/transport/transport.ts";
import { Events } from "../../../src/events.ts";
import { secret, start } from "./rig.ts";

export const hour = 3_600_000;
/** What a carrier is told, where it is not the usual. */
export type Settings = Partial<Ending> & {
  readonly absoluteAge?: number | null;
  readonly chunks?: number;
  readonly maxHeaderBytes?: number;
  readonly isSealed?: boolean;
  readonly secrets?: Uint8Array<ArrayBuffer>[];
};

/** What `setUp` makes. */
export interface Setting {
  readonly clock: { now: number };
  readonly carrier: (more?: Settings) => CookieCarrier;
  readonly first: CookieCarrier;
  readonly record: (data?: string, more?: Partial<SessionRecord>) => SessionRecord;
  /** Types and reasons of what was told since the last look. */
  readonly takeTold: () => Promise<string[]>;
}

/** A clock, what was told, and carriers that know nothing of each other. */
export function setUp(settings: Settings = {}): Setting {
  const clock = { now: start };
  const now = () => clock.now;
  const told: string[] = [];
  const tell = ({ type, reason }: SessionEvent) => void told.push([type, reason].filter(Boolean).join(" "));
  const carrier = (more: Settings = {}) => {
    const {
      store,
      notBefore,
      absoluteAge = null,
      chunks = 3,
      maxHeaderBytes = 100_000,
      isSealed = true,
      secrets = [secret(1)],
    } = {
      ...settings,
      ...more,
    };
    const kit: Partial<CarrierKit> = {
      secrets,
      cookie: new CookieWriter({ name: "sid" }),
      timeout: 30,
      events: new Events(tell, now, (key) => Promise.resolve(key)),
      limits: { absoluteAge } as CarrierKit["limits"],
      now,
    };
    return new CookieCarrier(kit as CarrierKit, { store, notBefore }, { chunks, maxHeaderBytes }, isSealed);
  };
  const record = (data = "{}", more: Partial<SessionRecord> = {}): SessionRecord => ({
    data,
    head: "1",
    createdAt: clock.now - 2,
    touchedAt: clock.now - 1,
    expiresAt: clock.now + hour,
    ...more,
  });
  const takeTold = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    return told.splice(0);
  };
  return { clock, carrier, first: carrier(), record, takeTold };
}

/** A session and where it is. */
export type Found = Awaited<ReturnType<CookieCarrier["create"]>>;

/** The `Cookie` header of a browser that was sent these. */
export const headerOf = (carrier: CookieCarrier, ...all: Pick<Found, "place">[]): string =>
  all.flatMap(({ place }) => carrier.setCookie(place, undefined, null)).map((field) => field.split(";", 1)[0])
    .join("; ");
