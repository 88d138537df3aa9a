/** What a history knows of its ids, its sessions and its requests. */

import type { Seen, Work } from "./host.ts";

/** An id that was given out. */
export interface Id {
  readonly text: string;
  /** The value of its cookie. */
  readonly cookie: string;
  readonly of: Known;
  /** How many log-ins its session had when it was made. */
  readonly epoch: number;
  /** Since when it is replaced, as a moment of the history. */
  dead: number;
  /** The end of its grace, by the clock. */
  until: number;
  /** Whether another one was made at the same time, so that either may be the newer one. */
  isUncertain: boolean;
}

/** A session, by the half of the id that stays. */
export class Known {
  readonly ids: Id[] = [];
  /** By epoch: the user, and since when it is answered. */
  readonly users: { readonly user: string | undefined; readonly since: number }[] = [];
  /** What it has to show, and what it may show besides. */
  required: Set<number>;
  readonly possible: Set<number> = new Set();
  /** Since when its end is answered. */
  ended: number = Infinity;
  /** Whether something that would end it was sent. */
  mayHaveEnded = false;
  /** When a request was sent that has seen it. */
  seen = 0;
  /** The last thing that has renewed it, and the last that may have, by the clock. */
  renewed: number;
  used: number;
  /** Requests that have come with one of its ids and are not answered. */
  open = 0;
  /** Those among them that may end it or replace its id, and ends from outside; and when one was last sent or answered. */
  changing = 0;
  changed = 0;
  readonly logins: { readonly user: string; answered: number }[] = [];
  readonly made: { readonly id: Id; readonly sent: number; readonly answered: number }[] = [];

  constructor(user: string | undefined, keys: Iterable<number>, moment: number, clock: number) {
    this.users.push({ user, since: moment });
    this.required = new Set(keys);
    this.renewed = this.used = clock;
  }

  get epoch(): number {
    return this.users.length - 1;
  }

  get user(): string | undefined {
    return this.users.at(-1)!.user;
  }
}

/** A request of a history. */
export interface Sent {
  readonly id: Id | undefined;
  /** All that its cookies name: a log-out ends them all. */
  readonly others: readonly Id[];
  readonly work: Work;
  /** When it was sent, and when its handler went on. */
  readonly arrived: number;
  went: number;
  seen?: Seen;
  /** Whether its id was current, or in grace, when it was sent, for certain. */
  readonly wasAlive: boolean;
  /** Whether it was current, for certain, or no answer yet said otherwise. */
  readonly wasCurrent: boolean;
}
