/** The environment of the command line: outputs, terminal, clock and environment variables. */

/** The environment of one run. The main program takes it from the process; tests pass their own. */
export interface Io {
  /** Writes to the standard output. */
  out(text: string): void;
  /** Writes to the standard error. */
  err(text: string): void;
  /** Whether the standard output is a terminal: then there is a progress bar. */
  readonly isTerminal: boolean;
  /** The width of the terminal, in characters. */
  readonly columns: number;
  /** Whether to use colours. */
  readonly colours: boolean;
  /** The clock, in milliseconds since the epoch. */
  now(): number;
  /** The value of an environment variable. Called only for the one that `--secret-env` names. */
  env(name: string): string | undefined;
}

/** The meanings of the exit codes. */
export const exit: {
  readonly done: 0;
  readonly reservations: 1;
  readonly usage: 2;
  readonly failed: 3;
} = {
  /** Success. */
  done: 0,
  /** Done, but `doctor` has warnings, or the session to revoke does not exist. */
  reservations: 1,
  /** The arguments are invalid. */
  usage: 2,
  /** The store cannot be used, or `doctor` found errors. */
  failed: 3,
};

/** Thrown for invalid arguments. The message never repeats a value: it may be an id or a password. */
export class UsageError extends Error {}
