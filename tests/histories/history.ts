/** One random history: requests of a few browsers at three processes, some of them held up, and ends from outside. */

import { storageKey } from "../../src/crypto/session_id.ts";
import { cookieName, type Reply, type Work } from "./host.ts";
import type { Process } from "./hosts.ts";
import type { Id, Known, Sent } from "./known.ts";
import { type Complaint, Model } from "./model.ts";

type Roll = (below: number) => number;

interface Held {
  readonly sent: Sent;
  readonly process: Process;
  readonly number: number;
}

let numbers = 0;

/** See the first line of this file. */
export class History {
  readonly model: Model;
  readonly users: readonly [string, string];
  steps = 0;
  readonly #processes: readonly Process[];
  readonly #roll: Roll;
  readonly #complain: Complaint;
  readonly #held: Held[] = [];
  #keys = 0;

  constructor(
    name: string,
    processes: readonly Process[],
    clock: { now: number },
    roll: Roll,
    complain: Complaint,
  ) {
    this.#complain = (what, words) => complain(what, `history ${name}: ${words}`);
    this.model = new Model(clock, this.#complain);
    this.users = [`ann ${name}`, `bea ${name}`];
    this.#processes = processes;
    this.#roll = roll;
  }

  /** One to three things at the same time. */
  async round(): Promise<void> {
    await Promise.all(Array.from({ length: 1 + this.#roll(3) }, () => this.#step()));
  }

  /** Lets go of every request that is held up, and looks at everything from everywhere. */
  async end(): Promise<void> {
    for (const one of this.#held.splice(0)) await this.#go(one);
    const { moment } = this.model;
    const looks = [...this.model.ids.values()].flatMap((id) =>
      (this.model.isOver(id.of) ? this.#processes : [this.#any()]).map((process) => () =>
        this.#request(process, id, [], {}, false)
      )
    );
    await Promise.all(looks.map((look) => look()));
    for (const known of this.model.sessions.values()) {
      if (this.model.isAlive(known) && known.seen <= moment) {
        this.#complain("lost", "no id leads to a session");
      }
    }
    for (const user of this.users) await this.#list(user);
  }

  #any(): Process {
    return this.#processes[this.#roll(this.#processes.length)]!;
  }

  #step(): Promise<void> {
    this.steps++;
    const roll = this.#roll(100);
    if (roll < 20 && this.#held.length > 0) {
      return this.#go(this.#held.splice(this.#roll(this.#held.length), 1)[0]!);
    }
    const known = [...this.model.sessions.values()];
    if (roll < 26 && known.length > 0) return this.#revoke(known[this.#roll(known.length)]!);
    if (roll < 30) return this.#revokeAll(this.users[this.#roll(2)]!);
    const ids = [...this.model.ids.values()];
    if (roll < 33 && ids.length > 1) {
      const some = Array.from({ length: 2 }, () => ids[this.#roll(ids.length)]!);
      return this.#request(this.#any(), undefined, [...new Set(some)], this.#work(true), false);
    }
    return this.#request(
      this.#any(),
      this.#id(known, ids),
      [],
      this.#work(),
      this.#held.length < 3 && this.#roll(3) === 0,
    );
  }

  /** Mostly the newest id of a session, often an old one, at times none. */
  #id(known: readonly Known[], ids: readonly Id[]): Id | undefined {
    if (ids.length === 0 || this.#roll(8) === 0) return undefined;
    if (this.#roll(5) < 2) return ids[this.#roll(ids.length)]!;
    return known[this.#roll(known.length)]!.ids.at(-1)!;
  }

  #work(flush = this.#roll(12) === 0): Work {
    const write = () => ({ write: this.#keys++ });
    if (flush) return this.#roll(4) === 0 ? { flush, ...write() } : { flush };
    const kind = this.#roll(100);
    if (kind < 20) return {};
    if (kind < 50) return write();
    if (kind < 58) return { cycle: "plain", ...write() };
    if (kind < 66) return { cycle: "plain" };
    if (kind < 78) return this.#roll(2) === 0 ? { cycle: "grace" } : { cycle: "grace", ...write() };
    const login = this.users[this.#roll(4) === 0 ? 1 : 0]!;
    return this.#roll(2) === 0 ? { login } : { login, ...write() };
  }

  #troubles({ troubles = [] }: Reply): void {
    for (const words of troubles) this.#complain("unreadable", words);
  }

  async #request(
    process: Process,
    id: Id | undefined,
    others: readonly Id[],
    work: Work,
    isHeld: boolean,
  ): Promise<void> {
    const sent = this.model.send(id, others, work);
    const cookies = [...id === undefined ? [] : [id], ...others];
    const cookie = cookies.map(({ cookie }) => `${cookieName}=${cookie}`).join("; ");
    const number = ++numbers;
    if (!isHeld) this.model.go(sent);
    const reply = await process.ask({ do: "request", cookie, work, ...isHeld ? { held: number } : {} });
    this.#troubles(reply);
    if (reply.seen) this.model.saw(sent, reply.seen);
    if (isHeld) this.#held.push({ sent, process, number });
    else this.model.answered(sent, reply);
  }

  async #go({ sent, process, number }: Held): Promise<void> {
    this.model.go(sent);
    const reply = await process.ask({ do: "go", held: number });
    this.#troubles(reply);
    this.model.answered(sent, reply);
  }

  async #revoke(known: Known): Promise<void> {
    const handle = await storageKey(known.ids[0]!.text);
    const { user } = known;
    const userId = this.#roll(2) === 0 && user !== undefined ? { userId: user } : {};
    this.model.beginEnd(known);
    const reply = await this.#any().ask({ do: "revoke", handle, ...userId });
    this.#troubles(reply);
    // Of a user who may have changed, 0 says nothing; else the session was over already.
    this.model.finishEnd(known, reply.count === 1 || !("userId" in userId) && reply.count === 0);
  }

  async #revokeAll(userId: string): Promise<void> {
    const finish = this.model.beginEndOf(userId);
    this.#troubles(await this.#any().ask({ do: "revokeAll", userId }));
    finish();
  }

  /** All live sessions of a user are listed, and no ended one is. */
  async #list(userId: string): Promise<void> {
    const reply = await this.#any().ask({ do: "list", userId });
    this.#troubles(reply);
    const handles = new Set(reply.handles);
    for (const known of this.model.sessions.values()) {
      const isListed = handles.delete(await storageKey(known.ids[0]!.text));
      const isTheirs = known.user === userId;
      if (isListed && (!isTheirs || this.model.isOver(known))) {
        this.#complain("back", `${userId}'s list shows too much`);
      }
      if (!isListed && isTheirs && this.model.isAlive(known)) {
        this.#complain("lost", `${userId}'s list shows too little`);
      }
    }
    if (handles.size > 0) this.#complain("back", `${userId} has sessions that nobody was given`);
  }
}
