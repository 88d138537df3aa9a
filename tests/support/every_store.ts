/** Runs one suite over every store: a fresh store, its sessions and a clock that stands for each test. */

import { beforeEach, describe } from "node:test";
import { createSessions, type SessionEvent, type Sessions, type SessionsOptions } from "../../mod.ts";
import { backends } from "./backends.ts";
import { Browser } from "./browser.ts";

export const start = 1_800_000_000_000;
const secrets = [Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)];

/** The `Set-Cookie` fields of an answer. */
export const fieldsOf = (response: Response): string[] => response.headers.getSetCookie();

/** Sessions over one of the stores. Everything is fresh for each test. */
export interface EachStore {
  readonly isHeld: boolean;
  readonly lists: boolean;
  readonly clears: boolean;
  readonly clock: { now: number };
  store: SessionsOptions["store"];
  sessions: Sessions;
  events: SessionEvent[];
  /** More sessions over the same store, with other options. */
  make(options?: Partial<SessionsOptions>): Sessions;
  browse(over?: Sessions): Browser;
  /** A browser with a session that holds `data`. */
  begin(data: Record<string, unknown>, over?: Sessions): Promise<Browser>;
}

/** Registers `suite` for every store. */
export function overEveryStore(title: string, suite: (site: EachStore) => void): void {
  for (const { name, open, isHeld, clears, lists } of backends()) {
    describe(`${title} over ${name}`, () => {
      const clock = { now: start };
      const site: EachStore = {
        isHeld,
        clears,
        lists,
        clock,
        store: undefined as unknown as SessionsOptions["store"],
        sessions: undefined as unknown as Sessions,
        events: [],
        make: (options: Partial<SessionsOptions> = {}) =>
          createSessions({
            store: site.store,
            secrets,
            now: () => clock.now,
            onEvent: (event) => site.events.push(event),
            ...options,
          }),
        browse: (over: Sessions = site.sessions) => new Browser(over, () => clock.now),
        begin: async (data: Record<string, unknown>, over: Sessions = site.sessions) => {
          const browser = site.browse(over);
          await browser.see((session) => void session.assign(data));
          return browser;
        },
      };
      beforeEach(async () => {
        clock.now = start;
        site.store = await open(() => clock.now);
        site.events = [];
        site.sessions = site.make();
      });
      suite(site);
    });
  }
}
