/** The other half of a Django site: a server of this runtime that does to `request.session` what `real_site.py` does. */

import type { Session, Sessions } from "../../../mod.ts";
import { listen, type LiveServer } from "../live_server.ts";
import type { Step } from "./real_site.ts";

/** Places in a handler where a test can hold requests up. */
export class Gates {
  readonly #gates = new Map<
    string,
    { reached: number; watch(): void; open(): void; opened: Promise<void> }
  >();

  /** Holds a request at a gate. */
  wait(name: string): Promise<void> {
    const gate = this.#gate(name);
    gate.reached++;
    gate.watch();
    return gate.opened;
  }

  /** Resolves when so many requests are at the gate. */
  async reached(name: string, count = 1): Promise<void> {
    const gate = this.#gate(name);
    while (gate.reached < count) await new Promise<void>((resolve) => gate.watch = resolve);
  }

  /** Lets them go. */
  open(name: string): void {
    this.#gate(name).open();
  }

  #gate(name: string) {
    let gate = this.#gates.get(name);
    if (gate === undefined) {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>();
      gate = { reached: 0, watch() {}, open, opened };
      this.#gates.set(name, gate);
    }
    return gate;
  }
}

/** A step of a test's own. */
export type Act = (session: Session, values: readonly unknown[]) => unknown;

/** Starts it. `acts` are further steps. */
export function startOurs(sessions: Sessions, acts: Record<string, Act> = {}): LiveServer {
  const all: Record<string, Act> = { ...common, ...acts };
  return listen(sessions.wrap(async (request: Request) => {
    const status = Number(new URL(request.url).pathname.split("/").at(-1));
    const answers: unknown[] = [];
    for (const [name, ...values] of await request.json() as Step[]) {
      const session = await (request as unknown as { session: Promise<Session> }).session;
      answers.push(await all[name]!(session, values) ?? null);
    }
    return Response.json({ answers }, { status });
  }));
}

const common: Record<string, Act> = {
  get: (session, [key]) => session.get(key as string),
  set: (session, [key, value]) => void session.set(key as string, value),
  delete: (session, [key]) => void session.delete(key as string),
  data: (session) => session.toObject(),
  add: (session, [key, by]) => session.update(key as string, (old = 0) => (old as number) + (by as number)),
  key: (session) => session.id,
  clear: (session) => session.clear(),
  flush: (session) => session.flush(),
  cycle: (session) => session.cycleKey(),
  expiry: (session, [value]) => session.setExpiry(value as number | null),
  age: (session) => session.getExpiryAge(),
  save: (session) => session.save(),
};
