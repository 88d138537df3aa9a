/** How far a command has come: a bar on a terminal, a line now and then elsewhere, nothing beside JSON. */

import type { Io } from "./io.ts";
import { bar, number, paint, span } from "./text.ts";

/** Elsewhere than on a terminal there is one line for so many. */
const milestone = 10_000;

/** See the first line of this file. */
export class Progress {
  readonly #io: Io;
  readonly #isDrawn: boolean;
  readonly #isTold: boolean;
  readonly #total: number;
  readonly #what: string;
  readonly #started: number;
  #done = 0;

  /** `what` goes on from a number: "rows read". */
  constructor(io: Io, isJson: boolean, total: number, what: string) {
    this.#io = io;
    this.#isDrawn = io.isTerminal && !isJson;
    this.#isTold = !io.isTerminal && !isJson;
    this.#total = total;
    this.#what = what;
    this.#started = io.now();
  }

  /** So many more are done. */
  advance(by: number): void {
    const before = Math.floor(this.#done / milestone);
    this.#done += by;
    if (this.#isDrawn) this.#draw();
    else if (this.#isTold && Math.floor(this.#done / milestone) > before) {
      this.#io.out(`${number(this.#done)} ${this.#what} so far\n`);
    }
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isDrawn) this.#io.out("\r\x1b[K");
  }

  #draw(): void {
    const io = this.#io;
    // More may come while the command runs: the total is a guess
    const share = this.#done >= this.#total ? 1 : this.#done / this.#total;
    const left = share > 0.02 && share < 1
      ? `, ${span((io.now() - this.#started) * (1 / share - 1))} left`
      : "";
    const room = Math.max(10, Math.min(30, io.columns - 46));
    const filled = bar(share, room);
    const rest = "░".repeat(Math.max(0, room - filled.length));
    const figures = `${String(Math.floor(share * 100)).padStart(3)} %  ${number(this.#done)} of ${
      number(Math.max(this.#total, this.#done))
    }${left}`;
    io.out(`\r\x1b[K${paint(io, "cyan", filled)}${paint(io, "dim", rest)} ${figures}`);
  }
}
