/** Visitors who have been here before: each with the cookies that the handler gave. */

import type { Handler, Opened } from "./subject.ts";

/** Adds the cookies of a response to a visitor's cookies. */
export function receive(jar: Map<string, string>, response: Response): void {
  for (const field of response.headers.getSetCookie()) {
    const pair = field.split(";", 1)[0]!;
    const at = pair.indexOf("=");
    jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

/** A request as such a visitor sends it. */
export function requestOf(cookie: string): Request {
  return new Request("http://localhost/", { headers: { cookie } });
}

/** The `Cookie` headers of the given number of visitors after two writes each. A visitor without a cookie gets a meaningless one. */
export async function visitors(handlers: Opened["handlers"], count: number): Promise<string[]> {
  const visit = async () => {
    const jar = new Map<string, string>();
    for (let i = 0; i < 2; i++) await follow(handlers.W, jar);
    return cookieOf(jar) || "theme=dark";
  };
  const all: string[] = [];
  while (all.length < count) {
    all.push(...await Promise.all(Array.from({ length: Math.min(64, count - all.length) }, visit)));
  }
  return all;
}

/** One visit, until the whole response has been read. */
async function follow(handler: Handler, jar: Map<string, string>): Promise<void> {
  const cookie = cookieOf(jar);
  const response = await handler(cookie === "" ? new Request("http://localhost/") : requestOf(cookie));
  await response.text();
  if (response.status !== 200) throw new Error(`A subject answers ${response.status}`);
  receive(jar, response);
}

function cookieOf(jar: ReadonlyMap<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

/**
 * Checks that a subject does what its scenario says: R shows the name and changes nothing, W counts. A figure of something else would
 * be worth nothing.
 *
 * @throws {Error} If it does not.
 */
export async function prove(name: string, handlers: Opened["handlers"]): Promise<void> {
  const jar = new Map<string, string>();
  const texts: string[] = [];
  for (const scenario of ["W", "W", "R", "W", "R"] as const) {
    const cookie = cookieOf(jar);
    const response = await handlers[scenario](
      cookie === "" ? new Request("http://localhost/") : requestOf(cookie),
    );
    receive(jar, response);
    texts.push(await response.text());
  }
  if (texts.slice(1).some((text) => text !== "Ann")) throw new Error(`${name} answers ${texts.join()}`);
}
