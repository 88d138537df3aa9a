/** What the shop does: its data, its actions and its routes, without HTML. */

import { createHash } from "node:crypto";
import type { Session, SessionError, SessionRequest, Sessions } from "../../mod.ts";
import { deviceName } from "./device.ts";
import { isSameOrigin } from "./origin.ts";
import { headers, hoodPage, messagePage, shopPage } from "./page.ts";
import type { CartLine, Product } from "./sections.ts";
import { cookieName, type Trace, Watch } from "./watch.ts";
import { plural } from "./words.ts";

/** What a visitor's session holds. */
export interface ShopData {
  /** How often the page was shown. */
  visits: number;
  /** The name as it was typed. */
  name: string;
  /** Nested, and changed in place. */
  cart: { lines: { product: string; quantity: number; gift: boolean }[] };
  /** Whether a session of this visitor ended in the request that began this one. */
  again: boolean;
  /** Shown once, on the next page. */
  notice: string;
}

const products: readonly Product[] = [
  { id: "map", name: "Folding map", about: "Every path, most of the rivers", cents: 850 },
  { id: "lantern", name: "Camp lantern", about: "Forty hours on one charge", cents: 3200 },
  { id: "postcard", name: "Postcard", about: "The harbour at first light", cents: 150 },
];

const mostOfOne = 99;
const maxFormBytes = 4096;

type ShopRequest = Request & SessionRequest<ShopData>;

type Action = (visit: {
  readonly session: Session<ShopData>;
  readonly form: URLSearchParams;
  readonly request: Request;
  readonly sessions: Sessions<ShopData>;
}) => void | Promise<void>;

/** Every form of the page posts to one of these; the response always redirects back to the page. */
const actions: Record<string, Action> = {
  "/cart/add": ({ session, form }) => {
    const product = products.find(({ id }) => id === form.get("product"));
    if (product === undefined) return;
    // computed from the current value, so that two concurrent requests both count
    session.update("cart", (cart = { lines: [] }) => {
      const line = cart.lines.find((line) => line.product === product.id);
      if (line === undefined) cart.lines.push({ product: product.id, quantity: 1, gift: false });
      else line.quantity = Math.min(line.quantity + 1, mostOfOne);
      return cart;
    });
    session.set("notice", `${product.name} is in your cart.`);
  },

  "/cart/change": ({ session, form }) => {
    const lines = session.get("cart")?.lines ?? [];
    const index = lines.findIndex((line) => line.product === form.get("product"));
    const line = lines[index];
    if (line === undefined) return;
    // deep inside the data, and saved nevertheless
    const change = form.get("change");
    if (change === "more") line.quantity = Math.min(line.quantity + 1, mostOfOne);
    if (change === "less") line.quantity--;
    if (change === "gift") line.gift = !line.gift;
    if (change === "remove" || line.quantity < 1) lines.splice(index, 1);
  },

  "/login": ({ session, form, request }) => {
    const name = (form.get("name") ?? "").normalize().replace(/\s+/g, " ").trim();
    if (name === "" || name.length > 40) {
      session.set("notice", "A name has 1 to 40 characters. Please try again.");
      return;
    }
    session.login(name.toLowerCase());
    session.set("name", name);
    session.setLabel(deviceName(request.headers.get("user-agent")));
    session.setExpiry(form.has("stay") ? null : 0);
    session.set("notice", `Welcome, ${name}. Your session has a new id, and what was in it came along.`);
  },

  "/logout": async ({ session }) => {
    await session.logout();
    session.set("again", true);
    session.set("notice", "You are logged out. This is a new, empty session.");
  },

  "/devices/end": async ({ session, form, sessions }) => {
    if (session.userId === undefined) return;
    const ended = await sessions.revoke(form.get("handle") ?? "", { userId: session.userId });
    session.set("notice", ended === 1 ? "That device is signed out." : "That device was signed out already.");
  },

  "/devices/end-others": async ({ session, sessions }) => {
    if (session.userId === undefined) return;
    const ended = await sessions.revokeAll(session.userId, { except: session });
    session.set("notice", `Signed out ${plural(ended, "other device")}.`);
  },

  "/devices/end-all": async ({ session, sessions }) => {
    if (session.userId === undefined) return;
    const others = await sessions.revokeAll(session.userId, { except: session });
    await session.logout();
    session.set("again", true);
    session.set(
      "notice",
      `Signed out everywhere: ${plural(others + 1, "device")}. This is a new, empty session.`,
    );
  },
};

/** The shop as a handler, for `Deno.serve`, `Bun.serve` and tests. */
export function makeApp(sessions: Sessions<ShopData>): (request: Request) => Promise<Response> {
  const watch = new Watch();
  return watch.outside(sessions.wrap((request) => watch.inside(answer(request, sessions, watch))));
}

async function answer(request: ShopRequest, sessions: Sessions<ShopData>, watch: Watch): Promise<Response> {
  const pathname = URL.parse(request.url)?.pathname;
  if (pathname === undefined) return refuse(400, "That is no address."); // Bun passes on an invalid Host
  const action = Object.hasOwn(actions, pathname) ? actions[pathname] : undefined;
  if (action === undefined && pathname !== "/" && pathname !== "/hood") {
    return refuse(404, "There is nothing here.");
  }
  const allowed = action === undefined ? "GET" : "POST";
  if (request.method !== allowed) {
    return refuse(405, "That is not how this address is used.", { allow: allowed });
  }
  const traces = watch.of(request);
  if (pathname === "/hood") {
    // its session is not used, so the library does not add the header
    return new Response(hoodPage(traces), { headers: { ...headers, "cache-control": "no-store" } });
  }
  if (action === undefined) return await show(request, sessions, traces[0]);

  if (!isSameOrigin(request)) {
    return refuse(403, "That form was sent from another site, so nothing was done.");
  }
  const length = Number(request.headers.get("content-length") ?? NaN);
  if (!(length <= maxFormBytes)) return refuse(413, "That form is too large.");
  const form = new URLSearchParams(await request.text());
  await action({ session: await request.session, form, request, sessions });
  return new Response(null, { status: 303, headers: { location: "/" } });
}

/** What `createSessions` takes as `onError`: pages instead of bare text when the database is locked or a session has ended. */
export function apologize(error: SessionError): Response {
  const fresh = { "cache-control": "no-store" };
  if (error.code === "ERR_GONE") {
    return refuse(409, "You were signed out meanwhile, so nothing was done.", fresh);
  }
  if (!error.retryable) throw error;
  return refuse(503, "The shop is busy. Please try again in a moment.", { ...fresh, "retry-after": "1" });
}

async function show(
  request: ShopRequest,
  sessions: Sessions<ShopData>,
  last: Trace | undefined,
): Promise<Response> {
  const session = await request.session;
  const { userId } = session;
  // a cookie without a session: it was ended elsewhere, or by its limits
  const isOver = session.isNew &&
    new RegExp(`(^|; *)${cookieName}=`).test(request.headers.get("cookie") ?? "");
  const over = isOver ? "You were signed out, or away for long. This is a new, empty session." : undefined;
  const page = shopPage({
    visits: session.update("visits", (visits = 0) => visits + 1),
    isAgain: isOver || session.get("again", false),
    notice: session.pop("notice", over),
    name: userId === undefined ? undefined : session.get("name", userId),
    lines: cartLines(session),
    products,
    devices: userId === undefined ? [] : await sessions.list(userId, { current: session }),
    idPrint: session.id === undefined ? undefined : fingerprint(session.id),
    ends: session.getExpiryDate(),
    endsWithBrowser: session.getExpireAtBrowserClose(),
    now: Date.now(),
    last,
  });
  return new Response(page, { headers });
}

function cartLines(session: Session<ShopData>): CartLine[] {
  return (session.get("cart")?.lines ?? []).flatMap(({ product, quantity, gift }) =>
    products.filter(({ id }) => id === product).map((known) => ({ ...known, quantity, gift }))
  );
}

/** Shows that an id changed without showing the id, which is a secret. */
function fingerprint(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 8);
}

function refuse(status: number, text: string, more: Record<string, string> = {}): Response {
  return new Response(messagePage(text), { status, headers: { ...headers, ...more } });
}
