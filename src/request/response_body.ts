/** What is known of a response's body when its head is changed: what a look at it costs differs from one runtime to the next. */

/** What Bun has for this: nothing else shows a body and leaves it as it is. */
interface BunApi {
  inspect(value: unknown): string;
  peek<T>(promise: Promise<T>): T | Promise<T>;
  file(path: string): Blob;
}

const { Bun } = globalThis as { Bun?: BunApi };

/**
 * Whether a response has to be made anew before it gets one visitor's cookies. One without a body may be a constant that the
 * handler gives to many; and on Deno whoever has looked at the body of a text has cost the very object its `content-length`,
 * but not what is made of that body. Bun would send a new one of a text as `application/octet-stream`, and its clone too.
 */
export function mustBeRebuilt(response: Response): boolean {
  // The answer of an upgrade is no constant, and neither it nor a body that was read can be copied.
  if (response.status === 101 || response.bodyUsed) return false;
  if (Bun === undefined) return true;
  // Only a text whose type is implied is harmed by a look.
  return response.headers.has("content-type")
    ? response.body === null
    : Bun.inspect(response) === Bun.inspect(new Response(null, response));
}

/** The body of what is rebuilt. On Bun there is none, but one that was sent before may still stand there, spent. */
export function rebuiltBody(response: Response): Response["body"] {
  return Bun === undefined ? response.body : null;
}

/** Pages and JSON: by far the most of what is asked for, and hardly ever parts of files. */
const isPage = (type: string) => /^(text\/html|application\/json)\b/.test(type);

/**
 * The `content-range` of a part of a file. Bun sends that by itself, and 206 with it, for as long as nobody has set a header;
 * from then on it has to be told. Parts of pages and JSON are looked for only where the request asked for one, as a look is dear.
 */
function rangeOnBun(response: Response, request: Request): string | undefined {
  const headers = response.headers as Headers & { readonly count: number };
  if (headers.count !== 1) return undefined;
  const type = headers.get("content-type");
  if (type === null || isPage(type) && !request.headers.has("range")) return undefined;
  if (!Bun!.inspect(response).includes("\n  FileRef (")) return undefined;
  const part = Bun!.peek(response.clone().blob());
  if (!(part instanceof Blob)) return undefined;
  const total = Bun!.file((part as File).name).size;
  const from = Math.min(Number(/\boffset: (\d+)\s*\}$/.exec(Bun!.inspect(part))?.[1] ?? 0), total);
  const until = Math.min(from + part.size, total);
  return until - from === total ? undefined : `bytes ${from}-${Math.max(from, until - 1)}/*`;
}

/** The same, where the runtime has such parts. */
export const rangeOf: typeof rangeOnBun | undefined = Bun && rangeOnBun;
