/** The proofs in the head of a record: which id of its session is current, and which were given up with grace. */

import { damaged, lineOf, withLine, wordsOf } from "../data/record_head.ts";

/** An id that was given up with grace. */
export interface FormerId {
  readonly proof: string;
  /** The end of the grace, in milliseconds since the epoch. */
  readonly until: number;
}

/** What the head of a record says of its session's ids. */
export interface Proofs {
  /** The proof of the current id. */
  readonly proof: string;
  /** When that id was made, in milliseconds since the epoch. */
  readonly since: number;
  /** How often the user has changed, or logged in again. */
  readonly logins: number;
  readonly formers: readonly FormerId[];
}

/** The most ids that may be in grace; one more, and the oldest goes. */
const mostFormers = 8;

const shape = /^([0-9a-f]{24}) (\d{1,16}) (\d{1,15})((?: [0-9a-f]{24}@\d{1,16}){0,8})$/;

/** Whether the current id of a record has this proof: the quick look that nearly every request needs alone. */
export function isCurrent(head: string | undefined, proof: string): boolean {
  return head !== undefined && head.startsWith("1 ") && head.startsWith(proof, 2);
}

/** The proofs in a head. @throws {SessionError} `ERR_DAMAGED`; `ERR_STORE` for a newer format. */
export function readProofs(head: string | undefined): Proofs {
  const [, proof, since, logins, formers] = shape.exec(wordsOf(head)) ?? damaged();
  return {
    proof: proof!,
    since: Number(since),
    logins: Number(logins),
    formers: formers!.split(" ").slice(1).map((one) => ({
      proof: one.slice(0, 24),
      until: Number(one.slice(25)),
    })),
  };
}

/** A head with other proofs. */
export function withProofs(head: string | undefined, { proof, since, logins, formers }: Proofs): string {
  let words = `${proof} ${Math.max(0, Math.floor(since))} ${logins}`;
  for (const former of formers.slice(-mostFormers)) words += ` ${former.proof}@${former.until}`;
  return withLine(head, words);
}

/** The head for a plain save: over an ended grace, and a user who has changed, it is written anew. */
export function saved(before: string | undefined, after: string, now: number, isOtherUser: boolean): string {
  if (!isOtherUser && !lineOf(after).includes("@")) return after;
  const proofs = readProofs(before);
  const formers = proofs.formers.filter(({ until }) => now < until);
  return withProofs(after, { ...proofs, logins: proofs.logins + Number(isOtherUser), formers });
}

/** The head for a save under a new id; the one so far goes on for `grace` seconds, and without a grace none does. */
export function rotated(
  before: string | undefined,
  after: string,
  { proof, now, grace, isLogin }: {
    readonly proof: string;
    readonly now: number;
    readonly grace: number;
    readonly isLogin: boolean;
  },
): string {
  const proofs = readProofs(before);
  const formers = grace > 0
    ? [
      ...proofs.formers.filter(({ until }) => now < until),
      { proof: proofs.proof, until: Math.ceil(now + grace * 1000) },
    ]
    : [];
  return withProofs(after, { proof, since: now, logins: proofs.logins + Number(isLogin), formers });
}
