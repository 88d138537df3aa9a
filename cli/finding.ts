/** A finding of `doctor`. */

/** The severity of a finding. */
export type Severity = "ok" | "warning" | "error";

/** The result of one check. */
export interface Finding {
  /** The name of the check, which is stable. */
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
  /** The severity. */
  readonly severity: Severity;
  /** The result, and what to do about it. */
  readonly message: string;
}

/** A finding. */
export function finding(check: Finding["check"], severity: Severity, message: string): Finding {
  return { check, severity, message };
}
