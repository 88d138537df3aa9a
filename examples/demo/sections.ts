/** The parts of the page, each made from what the session holds. */

import type { SessionInfo } from "../../mod.ts";
import { type Html, html } from "./html.ts";
import { ago, date, money, span } from "./words.ts";

/** Something to buy. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly cents: number;
}

/** Something that is being bought. */
export interface CartLine extends Product {
  readonly quantity: number;
  readonly gift: boolean;
}

/** The current user, with login and logout. */
export function account(name: string | undefined): Html {
  if (name === undefined) return html`<a class="button quiet" href="#login">Log in</a>`;
  return html`
    <form method="post" action="/logout" class="account">
      <span>Logged in as <b>${name}</b></span>
      <button class="quiet">Log out</button>
    </form>
  `;
}

/** What there is to buy. The redirect after a form keeps its fragment, so the page returns to the same place. */
export function shelf(products: readonly Product[]): Html {
  const rows = products.map(({ id, name, about, cents }) =>
    html`
      <li>
        <div><b>${name}</b><small>${about}</small></div>
        <span class="price">${money(cents)}</span>
        <form method="post" action="/cart/add#shelf">
          <input type="hidden" name="product" value="${id}">
          <button aria-label="Add ${name} to the cart">Add</button>
        </form>
      </li>
    `
  );
  return html`
    <section aria-labelledby="shelf">
      <h2 id="shelf">On the shelf</h2>
      <ul class="rows">${rows}</ul>
    </section>
  `;
}

/** What is being bought. */
export function cart(lines: readonly CartLine[]): Html {
  const total = lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0);
  const content = lines.length === 0
    ? html`<p class="empty">Nothing yet. What you add stays, also when you log in.</p>`
    : html`
      <ul class="rows">${lines.map(cartRow)}</ul>
      <p class="total"><span>Total</span> <b>${money(total)}</b></p>
    `;
  return html`
    <section aria-labelledby="cart">
      <h2 id="cart">Your cart</h2>
      ${content}
    </section>
  `;
}

function cartRow({ id, name, cents, quantity, gift }: CartLine): Html {
  const wrap = gift ? "Unwrap" : "Gift-wrap";
  return html`
    <li>
      <div><b>${name}</b><small>${gift && "wrapped as a gift"}</small></div>
      <span class="price">${money(cents * quantity)}</span>
      <form method="post" action="/cart/change#cart" class="stepper">
        <input type="hidden" name="product" value="${id}">
        <button class="quiet" name="change" value="less" aria-label="One ${name} less">−</button>
        <span class="quantity"><span class="unseen">Quantity</span> ${quantity}</span>
        <button class="quiet" name="change" value="more" aria-label="One ${name} more">+</button>
        <button class="link" name="change" value="gift" aria-label="${wrap} ${name}">${wrap}</button>
        <button class="link" name="change" value="remove" aria-label="Remove ${name}">Remove</button>
      </form>
    </li>
  `;
}

/** The login form. */
export function loginForm(): Html {
  return html`
    <section aria-labelledby="login">
      <h2 id="login">Log in</h2>
      <form method="post" action="/login" class="fields">
        <label for="name">Your name <small>any name will do, there is no password</small></label>
        <input id="name" name="name" required maxlength="40" autocomplete="username" spellcheck="false">
        <p class="check">
          <input id="stay" type="checkbox" name="stay" checked>
          <label for="stay">Keep me logged in when the browser closes</label>
        </p>
        <button>Log in</button>
      </form>
    </section>
  `;
}

/** Where this user is logged in. */
export function devices(sessions: readonly SessionInfo[], now: number): Html {
  const rows = sessions
    .toSorted((a, b) => Number(b.current) - Number(a.current) || b.touchedAt - a.touchedAt)
    .map((session) => deviceRow(session, now));
  const others = sessions.length > 1
    ? html`
      <form method="post" action="/devices/end-others">
        <button class="quiet wide">Sign out all others</button>
      </form>
    `
    : html`<p class="empty">Log in under the same name in another browser, and it appears here.</p>`;
  return html`
    <section aria-labelledby="devices">
      <h2 id="devices">Your devices</h2>
      <ul class="rows">${rows}</ul>
      ${others}
      <form method="post" action="/devices/end-all">
        <button class="quiet wide">Sign out everywhere, here too</button>
      </form>
    </section>
  `;
}

function deviceRow(session: SessionInfo, now: number): Html {
  const { handle, label = "Unknown browser", createdAt, touchedAt, current } = session;
  const action = current ? html`<span class="badge">This device</span>` : html`
    <form method="post" action="/devices/end">
      <input type="hidden" name="handle" value="${handle}">
      <button class="quiet" aria-label="Sign out ${label}">Sign out</button>
    </form>
  `;
  return html`
    <li>
      <div>
        <b>${label}</b>
        <small>logged in ${ago(createdAt, now)}, active ${ago(touchedAt, now)}</small>
      </div>
      ${action}
    </li>
  `;
}

/** When the session ends, and that its id changes. */
export function sessionFacts(
  ends: Date,
  endsWithBrowser: boolean,
  idPrint: string | undefined,
  now: number,
): Html {
  const end = endsWithBrowser
    ? html`It ends when you close the browser, and no later than ${date(ends)}.`
    : html`It ends on ${date(ends)}, ${span(ends.getTime() - now)} from now. Coming back moves that on.`;
  const id = idPrint === undefined
    ? html`Its id is made with this very answer.`
    : html`Fingerprint of its id: <code>${idPrint}</code>. Logging in gives it a new one.`;
  return html`
    <section aria-labelledby="session">
      <h2 id="session">Your session</h2>
      <p>${end}</p>
      <p>${id}</p>
    </section>
  `;
}
