/** What the command line is given by whoever runs it: where to write, and what the terminal and the world look like. */

/** The surroundings of one run. The main program takes them from the process; tests make their own. */
export interface Io {
  /** Writes to the standard output. */
  out(text: string): void;
  /** Writes to the standard error. */
  err(text: string): void;
  /** Whether a person sits at the other end of the standard output: then there is a progress bar. */
  readonly isTerminal: boolean;
  /** The width of the terminal, in characters. */
  readonly columns: number;
  /** Whether to use colours. */
  readonly colours: boolean;
  /** The clock, in milliseconds since the epoch. */
  now(): number;
  /** The value of an environment variable. Asked for only what `--secret-env` names. */
  env(name: string): string | undefined;
}

/** The meanings of the exit codes. */
export const exit: {
  readonly done: 0;
  readonly reservations: 1;
  readonly usage: 2;
  readonly failed: 3;
} = {
  /** All is well. */
  done: 0,
  /** Done, but: `doctor` has warnings, or there was no such session to revoke. */
  reservations: 1,
  /** The arguments are wrong. */
  usage: 2,
  /** The store cannot be used, or `doctor` found errors. */
  failed: 3,
};

/** Thrown for wrong arguments. The message never repeats a value: it may be an id or a password. */
export class UsageError extends Error {}
