/** Estimates a server's clock from its responses, so that the server can enforce deadlines. */

/** How wrong a clock may run, as a share of the time that has passed. What NTP lets one be slewed by is within it. */
const drift = 0.001;

/** From when until when a server may carry out a command, by its own clock. */
export type Window = readonly [from: string, until: string];

/** The server's clock, in milliseconds since the epoch, against `performance.now()`. */
export class ServerClock {
  /** Bounds of the difference between the clocks when the last response arrived. */
  #least = -Infinity;
  #most = Infinity;
  #at = -Infinity;

  /**
   * Learns from a response with the server's `time`, to a request sent at `sent` and received `now`.
   *
   * The response was made between the two, which bounds the difference of the clocks from both sides; several responses narrow the bounds.
   * If old and new bounds exclude each other, the clock was set or another server took over, and the new ones apply.
   */
  learn(time: number, sent: number, now: number): void {
    const worn = drift * (now - this.#at);
    const [least, most] = [time - now, time - sent];
    const fits = this.#least - worn <= most && least <= this.#most + worn;
    this.#least = fits ? Math.max(least, this.#least - worn) : least;
    this.#most = fits ? Math.min(most, this.#most + worn) : most;
    this.#at = now;
  }

  /** For how long nothing has been learned. */
  age(now: number): number {
    return now - this.#at;
  }

  /**
   * The window for a command that leaves `now` and has to be over by `by`. It never ends later than `by`; of a clock that nothing
   * is known of, it is in the past, so that the command does nothing but bring the time.
   */
  window(now: number, by: number): Window {
    const difference = this.#least - drift * (now - this.#at);
    // Whole milliseconds, because to spell a fraction takes longer than all else.
    return [spell(now + difference), spell(by + difference)];
  }
}

const spell = (time: number) => String(Math.max(0, Math.floor(time)));
