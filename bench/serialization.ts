/**
 * Measures what turns session data into bytes and back: the codec of this library, JSON, structuredClone, V8's format, MessagePack
 * and CBOR. JSON on stdout. `serialization.ts ROUNDS`
 */

import { decode as unpack, encode as pack } from "@msgpack/msgpack";
import { decode as fromCbor, encode as toCbor } from "cborg";
import process from "node:process";
import { deserialize, serialize } from "node:v8";
import { strictJson } from "../src/codec.ts";
import type { SerializationFigure } from "./figures.ts";
import { spread } from "./spread.ts";

const rounds = Number(process.argv[2] ?? "15");
const roundTime = 5;
const sizes = [200, 2_000, 20_000, 60_000];

interface Format {
  readonly name: string;
  encode(data: Record<string, unknown>): unknown;
  // deno-lint-ignore no-explicit-any -- each takes what it has made
  decode(encoded: any): unknown;
}

const formats: readonly Format[] = [
  {
    name: "sojourn's codec",
    encode: (data) => strictJson.encode(data),
    decode: (text) => strictJson.decode(text),
  },
  { name: "JSON", encode: (data) => JSON.stringify(data), decode: (text) => JSON.parse(text) },
  // It has no bytes in between: the copy is both
  { name: "structuredClone", encode: (data) => structuredClone(data), decode: (data) => data },
  { name: "v8.serialize", encode: serialize, decode: deserialize },
  { name: "@msgpack/msgpack", encode: (data) => pack(data), decode: (bytes) => unpack(bytes) },
  { name: "cborg", encode: (data) => toCbor(data), decode: (bytes) => fromCbor(bytes) },
];

/** A session like a shop's, of so many bytes as JSON: words, numbers, lists and objects. */
function dataOf(bytes: number): Record<string, unknown> {
  const data = { name: "Ann Ünal", visits: 102, language: "en-GB", cart: [] as unknown[], note: "" };
  const size = () => JSON.stringify(data).length;
  for (let i = 0;; i++) {
    data.cart.push({
      sku: `chair-oak-${i}`,
      count: i % 5,
      price: 12.5 * i,
      tags: ["new", "sale"],
      gift: i % 2 === 0,
    });
    if (size() > bytes) break;
  }
  data.cart.pop();
  data.note = "x".repeat(bytes - size());
  return data;
}

/** Microseconds for one call. */
function time(count: number, step: () => unknown): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) step();
  return (performance.now() - start) * 1000 / count;
}

function countOf(step: () => unknown): number {
  const once = time(Math.max(5, Math.round(2_000 / time(3, step))), step);
  return Math.max(5, Math.round(roundTime * 1000 / once));
}

function bytesOf(encoded: unknown): number | undefined {
  if (typeof encoded === "string") return new TextEncoder().encode(encoded).length;
  return encoded instanceof Uint8Array ? encoded.length : undefined;
}

const figures: SerializationFigure[] = [];
for (const size of sizes) {
  const data = dataOf(size);
  const all = formats.map((format) => {
    const encoded = format.encode(data);
    const steps = [() => format.encode(data), () => format.decode(encoded)] as const;
    return {
      format,
      bytes: bytesOf(encoded),
      steps: steps.map((step) => ({ step, count: countOf(step), times: [] as number[] })),
    };
  });
  for (let i = 0; i < rounds; i++) {
    for (const { steps } of all) for (const { step, count, times } of steps) times.push(time(count, step));
  }
  for (const { format, bytes, steps: [encode, decode] } of all) {
    figures.push({
      name: format.name,
      size,
      ...(bytes === undefined ? {} : { bytes }),
      encode: spread(encode!.times),
      decode: spread(decode!.times),
    });
  }
}
process.stdout.write(`\n${JSON.stringify({ rounds, figures })}`);
