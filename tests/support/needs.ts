/** What a test needs from outside: present, or the test is skipped; on CI, where everything has to run, absence is an error. */

import process from "node:process";

/**
 * The options of a test that needs `service`: `it("...", needs("redis-server", found), () => {})`.
 *
 * Without it the test is skipped, and says why. With `SOJOURN_CI` set, an absent service throws, and the lane fails.
 */
export function needs(service: string, present: boolean): { skip?: string } {
  if (present) return {};
  if (process.env["SOJOURN_CI"]) {
    throw new Error(`Cannot run this test without ${service}: every test must run on CI`);
  }
  return { skip: `needs ${service}` };
}
