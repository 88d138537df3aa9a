/** Where a file store keeps what. */

import * as fs from "node:fs";

/** The file of a record. */
export const file = (directory: string, key: string): string =>
  `${directory}/sessions/${key.slice(0, 2)}/${key[2]}/${key}`;

/** All paths below a folder, with their modes. */
export function walk(path: string): { path: string; mode: number; isFile: boolean }[] {
  return fs.readdirSync(path).flatMap((name) => {
    const inside = `${path}/${name}`;
    const facts = fs.lstatSync(inside);
    const own = { path: inside, mode: facts.mode & 0o7777, isFile: facts.isFile() };
    return facts.isDirectory() ? [own, ...walk(inside)] : [own];
  });
}
export const leavings = (directory: string): ReturnType<typeof walk> => walk(`${directory}/work`);
export const entries = (directory: string): number =>
  walk(`${directory}/users`).filter(({ isFile }) => isFile).length;

/** Makes everything that is at work there look so many seconds old. */
export function age(directory: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds;
  for (const name of fs.readdirSync(`${directory}/work`)) {
    fs.utimesSync(`${directory}/work/${name}`, time, time);
  }
}
