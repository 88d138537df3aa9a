/** The tables of the stores. */

import { dataBytes, operations, type StoreFigures } from "./figures.ts";
import { markdown, rounded, short } from "./markdown.ts";
import { type Results, runtimes, titles } from "./results.ts";

/** All stores on one runtime. */
interface Stores {
  readonly title: string;
  readonly stores: readonly StoreFigures[];
}

const few = 1_000;

function storesOf(results: Results): Stores[] {
  return runtimes.map((runtime) => ({ title: titles[runtime], stores: results.figures("stores", runtime) }));
}

/** All the stores' names, in the order of the first runtime that has them. */
function names(all: readonly Stores[]): string[] {
  return [...new Set(all.flatMap(({ stores }) => stores.map(({ name }) => name)))];
}

function find(
  { stores }: Stores,
  name: string,
  isWanted: (records: number) => boolean = (records) => records === few,
): StoreFigures | undefined {
  return stores.find((one) => one.name === name && isWanted(one.records));
}

/** What matters most of each store. */
export function latencies(results: Results): string {
  const all = storesOf(results);
  const wanted = [["load", 1, "p50"], ["save", 1, "p50"], ["load", 64, "perSecond"], [
    "save",
    64,
    "perSecond",
  ]] as const;
  const head = all.flatMap(({ title }) =>
    ["load, µs", "save, µs", "loads/s", "saves/s"].map((one) => `${title}: ${one}`)
  );
  const rows = names(all).map((name) => [
    name,
    ...all.flatMap((stores) =>
      wanted.map(([operation, inFlight, what]) => {
        const found = find(stores, name)?.latencies.find((one) =>
          one.operation === operation && one.inFlight === inFlight
        );
        return found ? rounded(found[what]) : "–";
      })
    ),
  ]);
  return markdown(["store", ...head], rows);
}

/** Every method of every store: p50 and p99 one at a time, operations per second with 64 in flight. */
export function methods(results: Results): string {
  const all = storesOf(results);
  const rows = names(all).flatMap((name) =>
    all.flatMap((stores) => {
      const found = find(stores, name);
      if (found === undefined) return [];
      const cells = operations.map((operation) => {
        const of = (inFlight: number) =>
          found.latencies.find((one) => one.operation === operation && one.inFlight === inFlight);
        const [alone, many] = [of(1), of(64)];
        return alone && many
          ? `${rounded(alone.p50)} / ${rounded(alone.p99)} / ${rounded(many.perSecond)}`
          : "–";
      });
      return [[name, stores.title, ...cells]];
    })
  );
  return markdown(["store", "runtime", ...operations], rows, 2);
}

/** What a session takes where it is kept. */
export function sizes(results: Results): string {
  const all = storesOf(results);
  const rows = names(all).flatMap((name) => {
    const each = all.map((stores) => find(stores, name)?.bytes);
    if (each.every((bytes) => bytes === undefined)) return [];
    return [[name, ...each.map((bytes) => bytes === undefined ? "–" : rounded(bytes))]];
  });
  return markdown(
    [`a logged-in session with ${dataBytes} bytes of data, in`, ...all.map(({ title }) => `bytes, ${title}`)],
    rows,
  );
}

/** Load and save, with few sessions and with very many. */
export function many(results: Results): string {
  const rows = storesOf(results).flatMap((stores) =>
    names([stores]).flatMap((name) => {
      const [little, large] = [find(stores, name), find(stores, name, (records) => records > few)];
      if (little === undefined || large === undefined) return [];
      const cells = (["load", "save"] as const).flatMap((operation) => {
        const [before, after] = [little, large].map(({ latencies }) =>
          latencies.find((one) => one.operation === operation && one.inFlight === 1)!.p50
        );
        return [short(before!), short(after!), `× ${short(after! / before!)}`];
      });
      return [[name, stores.title, large.records.toLocaleString("en"), ...cells]];
    })
  );
  const head = ["load, µs", "load with many", "ratio", "save, µs", "save with many", "ratio"];
  return markdown(["store", "runtime", "sessions", ...head], rows, 2);
}

/** `list` among more and more sessions of others. */
export function lists(results: Results): string {
  const rows = runtimes.flatMap((runtime) => {
    const figures = results.figures("lists", runtime);
    return [...new Set(figures.map(({ name }) => name))].map((name) => {
      const of = (isWanted: (foreign: number) => boolean) =>
        figures.find((one) => one.name === name && isWanted(one.foreign));
      const large = of((foreign) => foreign > few);
      const each = [of((foreign) => foreign === 0), of((foreign) => foreign === few), large];
      return [
        name,
        titles[runtime],
        ...each.map((one) => one ? rounded(one.p50) : "–"),
        large?.foreign.toLocaleString("en") ?? "–",
      ];
    });
  });
  return markdown(
    ["`list`, µs, with so many of others", "runtime", "0", "1,000", "many", "so many"],
    rows,
    2,
  );
}

/** Expired records cleared beside live traffic. */
export function clearing(results: Results): string {
  const rows = runtimes.flatMap((runtime) =>
    results.figures("housekeeping", runtime).map(({ records, seconds, before, during }) => [
      titles[runtime],
      records.toLocaleString("en"),
      rounded(records / seconds),
      ...[before.p50, during.p50, before.p99, during.p99].map((value) => `${short(value)} ms`),
    ])
  );
  const head = ["p50 before", "p50 meanwhile", "p99 before", "p99 meanwhile"];
  return markdown(["runtime", "expired records", "removed/s", ...head], rows);
}
