/** What the tests of the transport of sessions in cookies share. */

import { CookieTransport, type Revocation } from "../../../backends/cookie/cookie_transport.ts";
import type { SessionEvent, SessionRecord } from "../../../mod.ts";
import { CookieWriter } from "../../../src/transport/cookie.ts";
import type { TransportContext } from "../../../src/transport/transport.ts";
import { Events } from "../../../src/events.ts";
import { secret, start } from "./rig.ts";

export const hour = 3_600_000;
/** What a transport is told, where it is not the usual. */
export type Settings = Partial<Revocation> & {
  readonly absoluteAge?: number | null;
  readonly chunks?: number;
  readonly maxHeaderBytes?: number;
  readonly isSealed?: boolean;
  readonly secrets?: Uint8Array<ArrayBuffer>[];
};

/** What `setUp` makes. */
export interface Setting {
  readonly clock: { now: number };
  readonly transport: (more?: Settings) => CookieTransport;
  readonly first: CookieTransport;
  readonly record: (data?: string, more?: Partial<SessionRecord>) => SessionRecord;
  /** Types and reasons of what was told since the last look. */
  readonly takeTold: () => Promise<string[]>;
}

/** A clock, what was told, and transports that know nothing of each other. */
export function setUp(settings: Settings = {}): Setting {
  const clock = { now: start };
  const now = () => clock.now;
  const told: string[] = [];
  const tell = ({ type, reason }: SessionEvent) => void told.push([type, reason].filter(Boolean).join(" "));
  const transport = (more: Settings = {}) => {
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
    const kit: Partial<TransportContext> = {
      secrets,
      cookie: new CookieWriter({ name: "sid" }),
      timeout: 30,
      events: new Events(tell, now, (key) => Promise.resolve(key)),
      limits: { absoluteAge } as TransportContext["limits"],
      now,
    };
    return new CookieTransport(
      kit as TransportContext,
      { store, notBefore },
      { chunks, maxHeaderBytes },
      isSealed,
    );
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
  return { clock, transport, first: transport(), record, takeTold };
}

/** A session and where it is. */
export type Found = Awaited<ReturnType<CookieTransport["create"]>>;

/** The `Cookie` header of a browser that was sent these. */
export const headerOf = (transport: CookieTransport, ...all: Pick<Found, "ref">[]): string =>
  all.flatMap(({ ref }) => transport.setCookie(ref, undefined, null)).map((field) => field.split(";", 1)[0])
    .join("; ");
