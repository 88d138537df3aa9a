/** The whole contract as a list of named cases, ready to run on one kind of store. */
import { type CaseTools, type OpenStore, type OptionalMethod, runCase, type StoreCase } from "./case.ts";
import { basicCases } from "./cases/basics.ts";
import { closeCases } from "./cases/close.ts";
import { damageCases } from "./cases/damage.ts";
import { expiryCases } from "./cases/expiry.ts";
import { headCases } from "./cases/head.ts";
import { historyCases } from "./cases/histories.ts";
import { listCases } from "./cases/list.ts";
import { pageCases } from "./cases/pages.ts";
import { raceCases } from "./cases/races.ts";
import { saveCases } from "./cases/save.ts";
import { touchCases } from "./cases/touch.ts";
import { valueCases } from "./cases/values.ts";
import { versionCases } from "./cases/version.ts";
import { readOptions, type StoreTestOptions } from "./options.ts";
import { Random } from "./random.ts";

/** A case bound to a store. */
export interface BoundCase {
  /** The name of the case. */
  readonly name: string;
  /** Rejects if the case fails; resolves to the optional method that the store lacks, if any. */
  readonly run: () => Promise<OptionalMethod | undefined>;
}

const allCases: readonly StoreCase[] = [
  ...basicCases,
  ...valueCases,
  ...headCases,
  ...saveCases,
  ...touchCases,
  ...expiryCases,
  ...listCases,
  ...pageCases,
  ...versionCases,
  ...damageCases,
  ...raceCases,
  ...historyCases,
  ...closeCases,
];

/** What a case without its option never calls. */
const unused = (): never => {
  throw new TypeError("Cannot run this case as its option was not given");
};
const hooks = { reopen: unused, fail: unused, damage: unused };

/** The cases that the options allow, each with a store of its own. Nothing is opened before a case runs. */
export function storeCases(open: OpenStore, options: StoreTestOptions = {}): BoundCase[] {
  const settings = readOptions(options);
  return allCases
    .filter(({ option }) => option === undefined || settings[option] !== undefined)
    .filter(({ methods }) => !settings.expiresAlone || !methods?.includes("clearExpired"))
    .filter(({ methods }) => !methods?.some((method) => settings.without.includes(method)))
    .map((storeCase) => ({
      name: storeCase.name,
      run: () =>
        runCase(
          storeCase,
          open,
          { ...hooks, ...settings, random: new Random(settings.seed) } satisfies CaseTools,
        ),
    }));
}
