/** Checks session data against a Standard Schema (https://standardschema.dev, version 1). */

import { SessionError } from "./errors.ts";
import type { MaybePromise } from "./store.ts";
import { toObject, type Values } from "./data/values.ts";

/** The part of the Standard Schema interface that is used here. Zod, Valibot and ArkType schemas have it. */
export interface StandardSchema<Output> {
  /** The schema's own interface. */
  readonly "~standard": {
    /** Always 1. */
    readonly version: 1;
    /** Who made the schema. */
    readonly vendor: string;
    /** Gives the value as the schema wants it, or the issues found. */
    readonly validate: (value: unknown) => MaybePromise<SchemaResult<Output>>;
    /** Types only. */
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a Standard Schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** The data as the schema gives it back, or `undefined` when it does not fit. A schema that throws says no. */
export async function validate(
  schema: StandardSchema<unknown>,
  data: Record<string, unknown>,
): Promise<Record<string, unknown> | undefined> {
  try {
    const result = await schema["~standard"].validate(data);
    if (result.issues !== undefined) return undefined;
    const { value } = result;
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

/** @throws {SessionError} `ERR_SERIALIZE` if values do not fit the schema; no values at all always do. */
export async function requireFit(
  schema: StandardSchema<unknown>,
  values: Values,
): Promise<void> {
  if (values.size > 0 && await validate(schema, toObject(values)) === undefined) {
    unfit();
  }
}

/** The data does not fit the schema. @throws {SessionError} */
export function unfit(): never {
  throw new SessionError("ERR_SERIALIZE", "Cannot save the session: its data does not fit the schema");
}
