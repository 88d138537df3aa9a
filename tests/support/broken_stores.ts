/** Deliberately broken stores: each breaks one promise, as real stores have done. */
import { clearFaults } from "./broken_stores/clear.ts";
import { closeFaults } from "./broken_stores/close.ts";
import { createFaults } from "./broken_stores/create.ts";
import { deleteFaults } from "./broken_stores/delete.ts";
import { headFaults } from "./broken_stores/head.ts";
import { listFaults } from "./broken_stores/list.ts";
import { pageFaults } from "./broken_stores/pages.ts";
import { saveFaults } from "./broken_stores/save.ts";
import { touchFaults } from "./broken_stores/touch.ts";
import { valuesFaults } from "./broken_stores/values.ts";
import { versionFaults } from "./broken_stores/version.ts";
import type { BrokenStore } from "./broken_stores/fault.ts";

export const brokenStores: readonly BrokenStore[] = [
  ...createFaults,
  ...saveFaults,
  ...deleteFaults,
  ...touchFaults,
  ...clearFaults,
  ...listFaults,
  ...pageFaults,
  ...valuesFaults,
  ...headFaults,
  ...closeFaults,
  ...versionFaults,
];
