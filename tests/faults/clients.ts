/**
 * Visitors of a server, in a process of their own, so that what the server keeps open is the server's:
 * `clients.ts <port> <requests> <seed>`. Some drop their connection at any time. It says what it saw in a line of JSON.
 */

import { connect } from "node:net";
import process from "node:process";
import { dice } from "../support/dice.ts";

const [port, requests, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const roll = dice(seed);

/** One client: it sends a request in pieces and reads, or drops the connection at any of these times. */
function client(cookie: string, abortAfter: number | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let isDropped = false;
    const body = "x".repeat(2000);
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => text += piece);
    socket.on("error", () => {});
    socket.on("close", () => resolve(isDropped ? undefined : text));
    socket.write(`POST /work HTTP/1.1\r\nhost: site.test\r\ncookie: ${cookie}\r\nconnection: close\r\n`);
    setTimeout(
      () => isDropped || socket.write(`content-length: ${body.length}\r\n\r\n${body.slice(0, 999)}`),
      2,
    );
    setTimeout(() => isDropped || socket.write(body.slice(999)), 4);
    if (abortAfter !== undefined) {
      setTimeout(() => {
        isDropped = true;
        socket.destroy();
        resolve(undefined);
      }, abortAfter);
    }
  });
}

let [left, aborted, answered, wrong] = [requests, 0, 0, 0];
const first = await client("none=1", undefined);
const cookie = /^set-cookie: (sid=[^;]*)/im.exec(first!)![1]!;
const loop = async () => {
  while (left-- > 0) {
    const isDropped = roll(10) < 3;
    const text = await client(cookie, isDropped ? roll(25) : undefined);
    if (text === undefined) aborted++;
    else if (/^HTTP\/1.1 200[\s\S]*n=/.test(text)) answered++;
    else if (!isDropped) wrong++;
  }
};
await Promise.all(Array.from({ length: 32 }, loop));
console.log(JSON.stringify({ aborted, answered, wrong }));
process.exit(0);
