/** All the CSS of the shop. */

/** Inlined in the page; the Content-Security-Policy contains its hash. */
export const style: string = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f3ec, #14191a);
  --card: light-dark(#fffdf9, #1d2426);
  --ink: light-dark(#22282a, #eceae4);
  --soft: light-dark(#5a6264, #a9b2b2);
  --line: light-dark(#e2dccf, #323b3d);
  --edge: light-dark(#86806f, #748083);
  --accent: light-dark(#1d5c54, #7fd1c2);
  --on-accent: light-dark(#ffffff, #0e2421);
  --tint: light-dark(#e3efe9, #1f3833);
  --warm: light-dark(#a8471f, #f0a67f);
}
* { box-sizing: border-box; margin: 0; }
body {
  min-height: 100vh; display: flex; flex-direction: column;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header, main, footer { width: 100%; max-width: 68rem; margin-inline: auto; padding-inline: clamp(1rem, 4vw, 2rem); }
header { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem; padding-block: 1.1rem; }
main { flex: 1; }
footer { padding-block: 2.5rem 2rem; color: var(--soft); font-size: .9rem; }
h1 { font: 600 clamp(1.7rem, 5vw, 2.6rem)/1.15 Georgia, "DejaVu Serif", serif; letter-spacing: -.01em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font: 600 1.2rem/1.3 Georgia, "DejaVu Serif", serif; margin-bottom: .9rem; scroll-margin-top: 1.5rem; }
a { color: var(--accent); }
small { display: block; color: var(--soft); font-size: .87rem; font-weight: 400; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--tint); padding: .1em .4em; border-radius: .3em; }
b { overflow-wrap: anywhere; }
.brand { font: 600 1.1rem Georgia, "DejaVu Serif", serif; color: var(--accent); }
.brand::before { content: "▲"; margin-right: .45em; font-size: .8em; }
nav { display: flex; flex-wrap: wrap; gap: .2rem; margin-right: auto; }
nav a { padding: .45rem .8rem; border-radius: .5rem; color: var(--ink); text-decoration: none; }
nav a:hover { background: var(--tint); }
nav a[aria-current] { font-weight: 600; color: var(--accent); text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: .45em; }
.account { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .9rem; }
.welcome { padding-block: clamp(1rem, 4vw, 2.6rem) clamp(1.5rem, 4vw, 2.4rem); }
.welcome > p { margin-top: .7rem; max-width: 44rem; color: var(--soft); }
.count { color: var(--warm); font-variant-numeric: tabular-nums; }
.welcome > .notice {
  margin-top: 1.3rem; padding: .75rem 1rem; color: var(--ink); background: var(--tint);
  border-left: 4px solid var(--accent); border-radius: .4rem; overflow-wrap: anywhere;
}
.columns { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.columns > section { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: clamp(1.1rem, 3vw, 1.5rem); min-width: 0; }
.columns > .whole { grid-column: 1 / -1; }
.soft { color: var(--soft); }
.figures { list-style: none; padding: 0; margin-block: 1rem; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); }
.figures li { padding: .8rem 1rem; background: var(--tint); border-radius: .6rem; }
.figures b { font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures small { overflow-wrap: anywhere; color: var(--ink); }
.lists { display: grid; gap: 1rem 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); }
.lists > :last-child { grid-column: 1 / -1; }
.lists ol { padding-left: 1.4rem; }
.lists code { overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin-bottom: .3rem; }
.scroll { overflow-x: auto; margin-bottom: .8rem; }
table { width: 100%; border-collapse: collapse; text-align: left; }
th, td { padding: .5rem 1rem .5rem 0; border-top: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { border: 0; font-weight: 600; white-space: nowrap; }
th code { white-space: nowrap; }
.columns p + p { margin-top: .6rem; }
.empty { color: var(--soft); }
.rows { list-style: none; padding: 0; }
.rows li { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding-block: .75rem; border-top: 1px solid var(--line); }
.rows li:first-child { border-top: 0; padding-top: 0; }
.rows:last-child li:last-child { padding-bottom: 0; }
.rows li > div { flex: 1 1 6.5rem; min-width: 0; }
.price { font-variant-numeric: tabular-nums; }
.stepper { flex-basis: 100%; display: flex; flex-wrap: wrap; align-items: center; gap: .35rem; }
.quantity { min-width: 2.2rem; text-align: center; font-variant-numeric: tabular-nums; }
.total { display: flex; justify-content: space-between; padding-top: .85rem; border-top: 2px solid var(--line); font-size: 1.08rem; }
.badge { padding: .2rem .7rem; border-radius: 99px; background: var(--tint); color: var(--accent); font-size: .87rem; font-weight: 600; }
.fields { display: grid; gap: .8rem; justify-items: start; }
.fields label { font-weight: 600; }
.fields .check { display: flex; align-items: center; gap: .6rem; min-height: 2rem; }
.fields .check label { font-weight: 400; }
input:not([type]) { width: 100%; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--edge); border-radius: .5rem; padding: .6rem .8rem; }
[type=checkbox] { width: 1.15rem; height: 1.15rem; flex: none; accent-color: var(--accent); }
button, .button {
  font: inherit; font-size: .95rem; font-weight: 600; line-height: 1.2; cursor: pointer; text-decoration: none; display: inline-block;
  min-height: 2.5rem; padding: .6rem 1.1rem; color: var(--on-accent); background: var(--accent);
  border: 1px solid var(--accent); border-radius: .5rem;
}
button.quiet, .button.quiet { color: var(--accent); background: transparent; border-color: var(--edge); }
button.link { color: var(--soft); background: none; border-color: transparent; text-decoration: underline; text-underline-offset: .2em; font-weight: 400; padding-inline: .6rem; }
button.wide { width: 100%; margin-top: .4rem; }
.rows + .empty { padding-top: .75rem; border-top: 1px solid var(--line); }
.stepper .quiet { width: 2.5rem; padding-inline: 0; }
.stepper .link { margin-left: .4rem; }
.stepper .link + .link { margin-left: 0; }
button:hover, .button:hover { background: color-mix(in srgb, var(--accent), var(--ink) 18%); }
button.quiet:hover, .button.quiet:hover, button.link:hover { background: var(--tint); color: var(--ink); }
:focus-visible { outline: 3px solid var(--warm); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.alone { padding-block: 18vh 2rem; }
.alone p { margin-top: 1rem; }
@media (prefers-reduced-motion: no-preference) { button, .button { transition: background .15s, color .15s; } }
`;
