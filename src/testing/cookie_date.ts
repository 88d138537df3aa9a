/** Reads the date of an `Expires` attribute as browsers do: RFC 6265bis section 5.1.1. */

const delimiters = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/;
const timePattern = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)/;
const dayPattern = /^(\d{1,2})(?!\d)/;
const monthPattern = /^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i;
const yearPattern = /^(\d{2,4})(?!\d)/;
const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec";

/** The instant in milliseconds since the epoch, or `undefined` if the text is not a date. */
export function parseCookieDate(text: string): number | undefined {
  let time: RegExpExecArray | undefined, day: number | undefined;
  let month: number | undefined, year: number | undefined;
  for (const token of text.split(delimiters)) {
    let match: RegExpExecArray | null;
    if (time === undefined && (match = timePattern.exec(token))) time = match;
    else if (day === undefined && (match = dayPattern.exec(token))) day = Number(match[1]);
    else if (month === undefined && (match = monthPattern.exec(token))) {
      month = monthNames.indexOf(match[0].toLowerCase()) / 3;
    } else if (year === undefined && (match = yearPattern.exec(token))) year = Number(match[1]);
  }
  if (time === undefined || day === undefined || month === undefined || year === undefined) return undefined;
  if (year < 70) year += 2000;
  else if (year < 100) year += 1900;
  const [hour, minute, second] = [Number(time[1]), Number(time[2]), Number(time[3])];
  if (year < 1601 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(Date.UTC(year, month, day, hour, minute, second));
  return date.getUTCDate() === day ? date.getTime() : undefined;
}
