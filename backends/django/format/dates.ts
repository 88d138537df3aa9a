/** Django's text formats of instants: in a table of SQLite or MySQL, and in `_session_expiry`. */

/** Date, time and, unless it is zero, six digits of fraction; in UTC or in local time. */
function spell(at: number, isUtc: boolean, between: string): string {
  const date = new Date(at);
  // Shifted, the fields of UTC are those of the local clock.
  const local = isUtc ? date : new Date(at - date.getTimezoneOffset() * 60_000);
  const [day, time] = local.toISOString().split("T");
  const [seconds, fraction] = time!.slice(0, -1).split(".");
  return `${day}${between}${seconds}${fraction === "000" ? "" : `.${fraction}000`}`;
}

/** The column `expire_date` of SQLite and MySQL: rows are compared by this text. */
export function toColumn(at: number, useTz: boolean): string {
  return spell(Math.max(firstDate, Math.min(at, lastDate)), useTz, " ");
}

/** A fixed expiry in `_session_expiry`. */
export function toExpiry(at: number, useTz: boolean): string {
  return spell(Math.max(firstDate, Math.min(at, lastDate)), useTz, "T") + (useTz ? "+00:00" : "");
}

/**
 * How much later than `date`, in ms, its local time occurs again: 0, except for the hour before clocks are set back. If two instants have
 * the same text, the later one counts, so that no session expires early.
 */
function repetition(date: Date): number {
  const offset = date.getTimezoneOffset();
  const back = (new Date(date.getTime() + 86_400_000).getTimezoneOffset() - offset) * 60_000;
  if (back <= 0) return 0;
  return (new Date(date.getTime() + back).getTimezoneOffset() - offset) * 60_000 === back ? back : 0;
}

/** The text below which the column means an expiry before `now`, whichever of two instants it stands for. */
export function toBound(now: number, useTz: boolean): string {
  return toColumn(useTz ? now : now - repetition(new Date(now)), useTz);
}

/** The range of Python's dates, less a day for time zones. */
const firstDate = Date.parse("0001-01-02T00:00:00Z");
const lastDate = Date.parse("9999-12-30T00:00:00Z");

const shape =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:(Z)|([+-])(\d\d):?(\d\d)(?::?\d\d)?)?$/;

/** The instant of a text in any of its formats, in milliseconds; without an offset, in UTC or local time. `undefined` if it is invalid. */
export function readDate(text: string, useTz: boolean): number | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = "0", fraction = "", z, sign, hours, minutes] = match;
  const fields = [year, Number(month) - 1, day, hour, minute, second, fraction.slice(0, 3).padEnd(3, "0")]
    .map(Number) as [number, number, number, number, number, number, number];
  const [y, m, d, ...time] = fields;
  const date = new Date(0); // set field by field, as the constructor maps years below 100 to the 1900s
  date.setUTCFullYear(y, m, d);
  if (date.getUTCMonth() !== m || time[0] > 23 || time[1] > 59 || time[2] > 60) return undefined;
  if (z === undefined && sign === undefined && !useTz) {
    date.setFullYear(y, m, d);
    date.setHours(...time);
    return date.getTime() + repetition(date);
  }
  const offset = sign === undefined ? 0 : Number(sign + hours!) * 60 + Number(sign + minutes!);
  return date.setUTCHours(...time) - offset * 60_000;
}
