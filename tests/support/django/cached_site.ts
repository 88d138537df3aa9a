/** A site of Django's with a table behind a cache, both in memory, and our sessions over them. */

import { DjangoCachedDbStore } from "../../../backends/django.ts";
import type { Session, Sessions } from "../../../mod.ts";
import { DjangoSite } from "./site.ts";

/** Where Django caches a session. */
export const name = (key: string): string => `:1:django.contrib.sessions.cached_db${key}`;

/** A cache that writes down what is taken away, and fails when it is told to: for some of the next calls, or all. */
export class Cache {
  readonly entries: Map<string, string> = new Map<string, string>();
  readonly log: string[];
  fails: (call: number) => boolean = () => false;
  calls = 0;

  constructor(log: string[] = []) {
    this.log = log;
  }

  // deno-lint-ignore require-await
  async delete(key: string): Promise<boolean> {
    this.log.push(`delete ${key}`);
    if (this.fails(++this.calls)) throw new Error("ECONNREFUSED 127.0.0.1:11211");
    return this.entries.delete(key);
  }
}

/** A site whose sessions are in a table behind a cache. */
export class CachedSite extends DjangoSite {
  readonly cache: Cache = new Cache();
  readonly cached: DjangoCachedDbStore = new DjangoCachedDbStore(this.store, this.cache);
  readonly shared: Sessions = this.other({ store: this.cached });

  /** One request; a log-out, a change or whatever `work` does. */
  async send(work: (session: Session) => unknown, cookie?: string): Promise<Response> {
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie: `sessionid=${cookie}` };
    return await this.shared.wrap(async (request) => {
      await work(await request.session);
      return new Response("Grüße");
    })(new Request("https://site.test/", { headers }));
  }

  /** The removals since it was asked last. */
  removed(): string[] {
    return this.cache.log.splice(0);
  }
}

/** What a visitor can do to a session that is there. */
export const changes: Record<string, (session: Session) => unknown> = {
  save: (session) => session.set("a", 2),
  "log-out": (session) => session.logout(),
  flush: (session) => session.flush(),
  "log-in": (session) => session.login("7", { backend: "b", hash: "h" }),
  cycle: (session) => session.cycleKey(),
  end: (session) => session.setExpiry(-10),
};
