/** Stores that close badly. */
import { CorrectStore } from "../stores/correct_store.ts";
import { type BrokenStore, fault } from "./fault.ts";

export const closeFaults: readonly BrokenStore[] = [
  fault(
    "a second close throws",
    "close may be called twice",
    class extends CorrectStore {
      #closed = false;
      override close() {
        if (this.#closed) throw new Error("already closed");
        this.#closed = true;
      }
    },
  ),
  fault(
    "errors are swallowed: a closed store answers that nothing is there",
    "a closed store throws",
    class extends CorrectStore {
      #closed = false;
      override close() {
        this.#closed = true;
      }
      override load(key: string) {
        try {
          if (this.#closed) throw new Error("closed");
          return super.load(key);
        } catch {
          return undefined;
        }
      }
    },
  ),
];
