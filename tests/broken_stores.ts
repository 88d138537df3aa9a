/** Deliberately broken stores: each breaks one promise, as real stores have done. */
import { clearFaults } from "./broken_stores/clear.ts";
import { closeFaults } from "./broken_stores/close.ts";
import { createFaults } from "./broken_stores/create.ts";
import { deleteAndTouchFaults } from "./broken_stores/delete_and_touch.ts";
import { listFaults } from "./broken_stores/list.ts";
import { rotateFaults } from "./broken_stores/rotate.ts";
import { saveFaults } from "./broken_stores/save.ts";
import { valuesFaults } from "./broken_stores/values.ts";
import { versionFaults } from "./broken_stores/version.ts";
import type { BrokenStore } from "./broken_stores/fault.ts";

export const brokenStores: readonly BrokenStore[] = [
  ...createFaults,
  ...saveFaults,
  ...rotateFaults,
  ...deleteAndTouchFaults,
  ...clearFaults,
  ...listFaults,
  ...valuesFaults,
  ...closeFaults,
  ...versionFaults,
];
