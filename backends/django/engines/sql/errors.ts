/** Maps the errors of PostgreSQL and MySQL, from any client. */

/** The errors that are handled. */
export type Refusal = "duplicate" | "referenced" | "table" | "column";

/** SQLSTATE of PostgreSQL; error numbers of MySQL. */
const meanings: Readonly<Record<string, Refusal>> = {
  "23505": "duplicate",
  "1062": "duplicate",
  "23503": "referenced",
  "23001": "referenced", // ON DELETE RESTRICT, since PostgreSQL 18
  "1451": "referenced",
  "1217": "referenced",
  "42P01": "table",
  "1146": "table",
  "42703": "column",
  "1054": "column",
};

/** The meaning of a driver's error; `undefined` for all others. pg and postgres.js have it in `code`, the rest in `errno`. */
export function refusalOf(error: unknown): Refusal | undefined {
  const { code, errno } = Object(error) as { readonly code?: unknown; readonly errno?: unknown };
  return meanings[String(code)] ?? meanings[String(errno)];
}
