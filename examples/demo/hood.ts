/** The page that shows what sessions cost: what the library did for the last requests. */

import { type Html, html } from "./html.ts";
import { plural } from "./words.ts";
import type { Trace } from "./watch.ts";

/** load, save; digest ×2 */
function tally(names: readonly string[]): string {
  const times = (name: string) => names.filter((other) => other === name).length;
  return [...new Set(names)].map((name) => times(name) === 1 ? name : `${name} ×${times(name)}`).join(", ");
}

const duration = (ms: number) => `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;

/** Three figures of one request. */
export function cost(trace: Trace): Html {
  const figures: [number, string, string][] = [
    [trace.store.length, "store call", tally(trace.store.map(({ name }) => name))],
    [trace.crypto.length, "crypto call", tally(trace.crypto)],
    [trace.headers.length, "header", tally(trace.headers.map(([name]) => name))],
  ];
  return html`
    <ul class="figures">
      ${figures.map(([count, word, names]) =>
        html`<li><b>${count}</b> ${plural(count, word).replace(/^\d+ /, "")}<small>${
          names || "none"
        }</small></li>`
      )}
    </ul>
  `;
}

/** On the shop's page: what the request before it cost. */
export function lastCost(trace: Trace | undefined): Html {
  return html`
    <section aria-labelledby="cost" class="whole">
      <h2 id="cost">What your last request cost</h2>
      ${trace === undefined ? html`<p class="empty">This is your first. The next page tells.</p>` : html`
        <p><code>${trace.method} ${trace.path}</code> was answered in ${duration(trace.ms)}.</p>
        ${cost(trace)}
      `}
      <p><a href="/hood">Look under the hood</a></p>
    </section>
  `;
}

/** The main part of the page about the last requests, newest first. */
export function hood(traces: readonly Trace[]): Html {
  const last = traces.find(({ path }) => path !== "/hood");
  return html`
    <div class="welcome">
      <h1>Under the hood</h1>
      <p>What the library asked of the store and of WebCrypto for your requests, and which headers it added. This page does
        not use its session, so for this page it does nothing at all: look for <code>/hood</code> below.</p>
    </div>
    ${last === undefined
      ? html`<p class="empty">Nothing yet. Look at <a href="/">the shop</a> first.</p>`
      : html`
        <div class="columns">${lastRequest(last)} ${history(traces)}</div>
      `}
  `;
}

function lastRequest(trace: Trace): Html {
  const { method, path, status, ms, store, crypto, headers } = trace;
  const calls = store.map((call) =>
    html`<li>${call.name} <span class="soft">${duration(call.ms)}</span></li>`
  );
  const names = crypto.map((name) => html`<li>${name}</li>`);
  const added = headers.map(([name, value]) => html`<li><code>${name}: ${value}</code></li>`);
  const or = (items: readonly Html[]) => items.length === 0 ? html`<p>None.</p>` : html`<ol>${items}</ol>`;
  return html`
    <section aria-labelledby="last" class="whole">
      <h2 id="last">Your last request: <code>${method} ${path}</code></h2>
      <p>Answered with ${status} in ${duration(ms)}. Ids, secrets and data are never shown here.</p>
      ${cost(trace)}
      <div class="lists">
        <div><h3>Store</h3>${or(calls)}</div>
        <div><h3>WebCrypto</h3>${or(names)}</div>
        <div><h3>Headers added</h3>${or(added)}</div>
      </div>
    </section>
  `;
}

function history(traces: readonly Trace[]): Html {
  const rows = traces.map(({ method, path, status, store, crypto, headers }) =>
    html`
      <tr>
        <th scope="row"><code>${method} ${path}</code></th>
        <td>${status}</td>
        <td>${tally(store.map(({ name }) => name)) || "nothing"}</td>
        <td>${tally(crypto) || "nothing"}</td>
        <td>${tally(headers.map(([name]) => name)) || "nothing"}</td>
      </tr>
    `
  );
  return html`
    <section aria-labelledby="history" class="whole">
      <h2 id="history">Your last requests, newest first</h2>
      <div class="scroll" role="region" aria-label="Table of requests" tabindex="0">
        <table>
          <thead>
            <tr>
              <th scope="col">Request</th>
              <th scope="col">Status</th>
              <th scope="col">Store</th>
              <th scope="col">WebCrypto</th>
              <th scope="col">Headers</th>
            </tr>
          </thead>
          <tbody>${rows}</tbody>
        </table>
      </div>
      <p
        class="empty">Keys are made from the secret at the first request after the start. A value that was checked before, and
        a store that remembers, save further calls.</p>
    </section>
  `;
}
