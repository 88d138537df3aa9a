/** What the tests of the file store share. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { FileStore, type FileStoreOptions } from "../../../backends/file.ts";
import { SessionError, type SessionErrorCode } from "../../../src/errors.ts";
import type { SessionRecord } from "../../../src/store.ts";

export const A: string = "0a".repeat(32);
export const B: string = "0b".repeat(32);
/** A script for processes of their own. */
export const fileChild: string = fileURLToPath(new URL("./child.ts", import.meta.url));
/** A folder for this test file; `cleanUp` removes it. */
export const root: string = fs.mkdtempSync(`${tmpdir()}/file-store-`);
let count = 0;

export const record = (data: string, more: Partial<SessionRecord> = {}): SessionRecord => ({
  data,
  createdAt: 1000,
  touchedAt: 2000,
  expiresAt: 4e12,
  ...more,
});
export const withCode = (code: SessionErrorCode) => (error: unknown): boolean =>
  error instanceof SessionError && error.code === code;
export const nth = (i: number): string => i.toString(16).padStart(3, "0").padEnd(64, "e");

export async function fresh(options?: FileStoreOptions): Promise<[store: FileStore, directory: string]> {
  const directory = `${root}/${count++}`;
  return [await FileStore.open(directory, options), directory];
}

export const cleanUp = (): void => fs.rmSync(root, { recursive: true, force: true });
