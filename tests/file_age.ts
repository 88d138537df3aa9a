/** What a file store left unfinished, made to look old. */

import * as fs from "node:fs";

/** Makes everything that is at work there look so many seconds old. */
export function age(directory: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds;
  for (const name of fs.readdirSync(`${directory}/work`)) {
    fs.utimesSync(`${directory}/work/${name}`, time, time);
  }
}
