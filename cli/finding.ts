/** What `doctor` says about one thing. */

/** How bad it is. */
export type Severity = "ok" | "warning" | "error";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, as a word that stays the same. */
  readonly check:
    | "clock"
    | "opens"
    | "modes"
    | "index"
    | "expired"
    | "damaged"
    | "options"
    | "secret"
    | "cookie"
    | "ages";
  /** How bad it is. */
  readonly severity: Severity;
  /** What was found, and what to do about it. */
  readonly message: string;
}

/** A finding. */
export function finding(check: Finding["check"], severity: Severity, message: string): Finding {
  return { check, severity, message };
}
