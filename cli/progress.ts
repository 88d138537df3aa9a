/** The progress of a command: a bar on a terminal, otherwise a line at intervals, and nothing with JSON. */

import type { Io } from "./io.ts";
import { bar, number, paint, span } from "./text.ts";

/** Without a terminal, one line is printed for this many. */
const milestone = 10_000;

/** Shows the progress of a command. */
export class Progress {
  readonly #io: Io;
  readonly #isDrawn: boolean;
  readonly #isTold: boolean;
  readonly #total: number;
  readonly #what: string;
  readonly #started: number;
  #done = 0;

  /** `what` follows a number: "rows read". */
  constructor(io: Io, isJson: boolean, total: number, what: string) {
    this.#io = io;
    this.#isDrawn = io.isTerminal && !isJson;
    this.#isTold = !io.isTerminal && !isJson;
    this.#total = total;
    this.#what = what;
    this.#started = io.now();
  }

  /** Adds a number that were done. */
  advance(by: number): void {
    const before = Math.floor(this.#done / milestone);
    this.#done += by;
    if (this.#isDrawn) this.#draw();
    else if (this.#isTold && Math.floor(this.#done / milestone) > before) {
      this.#io.out(`${number(this.#done)} ${this.#what} so far\n`);
    }
  }

  /** Removes the bar. */
  end(): void {
    if (this.#isDrawn) this.#io.out("\r\x1b[K");
  }

  #draw(): void {
    const io = this.#io;
    // More may be added while the command runs: the total is an estimate
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
