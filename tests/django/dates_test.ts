/** Django's instants by themselves: how they are spelled and read, with time zones and without. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { readDate, toBound, toColumn, toExpiry } from "../../backends/django/format/dates.ts";

const at = Date.UTC(2027, 0, 15, 8, 9, 10);

/** Does something where the clocks on the wall show another time than UTC. */
function inZone(zone: string, work: () => void): void {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    work();
  } finally {
    if (before !== undefined) process.env.TZ = before;
    else {
      process.env.TZ = "";
      delete process.env.TZ;
    }
  }
}

describe("spelling", () => {
  it("is in UTC on a site with time zones, else in local time", () => {
    for (
      const [zone, summer, winter] of [
        ["Asia/Kolkata", "2027-07-15 13:39:10", "2027-01-15 13:39:10"],
        ["America/New_York", "2027-07-15 04:09:10", "2027-01-15 03:09:10"],
      ] as const
    ) {
      inZone(zone, () => {
        for (const [one, local] of [[Date.UTC(2027, 6, 15, 8, 9, 10), summer], [at, winter]] as const) {
          const utc = new Date(one).toISOString().slice(0, 19);
          assert.equal(toColumn(one, true), utc.replace("T", " "));
          assert.equal(toColumn(one + 7, true), `${utc.replace("T", " ")}.007000`);
          assert.equal(toExpiry(one, true), `${utc}+00:00`);
          assert.equal(toColumn(one, false), local);
          assert.equal(toExpiry(one + 120, false), `${local.replace(" ", "T")}.120000`);
          for (const useTz of [true, false]) {
            assert.equal(readDate(toColumn(one, useTz), useTz), one);
            assert.equal(readDate(toExpiry(one + 7, useTz), useTz), one + 7);
          }
        }
      });
    }
  });

  it("goes from the first to the last of Python's dates, less a day for time zones", () => {
    for (
      const [one, text] of [[-8.64e15, "0001-01-02 00:00:00"], [8.64e15, "9999-12-30 00:00:00"]] as const
    ) {
      assert.equal(toColumn(one, true), text);
      assert.equal(toExpiry(one, true), `${text.replace(" ", "T")}+00:00`);
    }
  });
});

describe("reading", () => {
  it("takes a date with an offset for the same instant anywhere", () => {
    for (const zone of ["UTC", "Asia/Kolkata", "America/New_York"]) {
      inZone(zone, () => {
        for (const useTz of [true, false]) {
          for (
            const [text, after] of [
              ["2027-01-15T08:09:10Z", 0],
              ["2027-01-15 08:09:10+00:00", 0],
              ["2027-01-15 09:39:10+01:30", 0],
              ["2027-01-15 06:39:10 -0130", 0],
              ["2027-01-15 06:39:10-01:30:00", 0],
              ["2027-01-15T08:09Z", -10_000],
              ["2027-01-15 08:09:10.5Z", 500],
              ["2027-01-15 08:09:10,05Z", 50],
              ["2027-01-15 08:09:10.123999999Z", 123],
            ] as const
          ) {
            assert.equal(readDate(text, useTz), at + after, text);
          }
        }
      });
    }
  });

  it("takes a date without one for UTC or for local time", () => {
    inZone("America/New_York", () => {
      assert.equal(readDate("2027-01-15 08:09:10", true), at);
      assert.equal(readDate("2027-01-15 08:09:10", false), at + 5 * 3_600_000);
      assert.equal(readDate("2027-07-15T08:09:10.5", false), Date.UTC(2027, 6, 15, 12, 9, 10, 500));
    });
  });

  it("knows the years below 100", () => {
    assert.equal(readDate("0098-03-04 05:06:07", true), Date.parse("0098-03-04T05:06:07Z"));
    assert.equal(new Date(readDate("0098-03-04 05:06:07", false)!).getFullYear(), 98);
  });

  it("takes every date of the calendar, and no other", () => {
    for (
      const text of [
        "2027-01-01 00:00:00",
        "2027-12-31 23:59:59",
        "2028-02-29 00:00:00",
        "9999-12-31 00:00:00",
        "0001-01-01 00:00:00",
      ]
    ) {
      assert.equal(readDate(text, true), Date.parse(`${text.replace(" ", "T")}Z`));
    }
    assert.equal(readDate("2026-12-31 23:59:60", true), Date.UTC(2027, 0), "a leap second");
    for (
      const text of [
        "",
        "now",
        "2027-01-15",
        "2027-00-15 08:00:00",
        "2027-13-15 08:00:00",
        "2027-01-00 08:00:00",
        "2027-01-32 08:00:00",
        "2027-02-29 08:00:00",
        "2027-04-31 08:00:00",
        "2027-01-15 24:00:00",
        "2027-01-15 08:60:00",
        "2027-01-15 08:00:61",
      ]
    ) {
      for (const useTz of [true, false]) assert.equal(readDate(text, useTz), undefined, text);
      assert.equal(readDate(`${text}Z`, true), undefined, text);
    }
  });
});

describe("the hour that clocks go through twice", () => {
  const hour = 3_600_000;
  const changes = [
    ["Europe/Berlin", Date.UTC(2027, 9, 31, 1), hour],
    ["America/New_York", Date.UTC(2027, 10, 7, 6), hour],
    ["Australia/Lord_Howe", Date.UTC(2027, 3, 3, 15), hour / 2],
  ] as const;

  it("is taken for its second time: no session ends before its time", () => {
    for (const [zone, change, back] of changes) {
      inZone(zone, () => {
        for (const before of [back, back / 2, 1]) {
          const [first, second] = [change - before, change - before + back];
          assert.equal(toColumn(first, false), toColumn(second, false), "one text, two instants");
          for (const spelled of [toColumn(first, false), toExpiry(first, false)]) {
            assert.equal(readDate(spelled, false), second, `${zone} ${spelled}`);
          }
          assert.equal(readDate(toColumn(first, true), true), first, "in UTC there is but one");
        }
        for (const at of [change - back - 1, change + back, change - 12 * hour, change + 12 * hour]) {
          assert.equal(readDate(toColumn(at, false), false), at, "every other hour comes once");
        }
      });
    }
  });

  it("is not taken for over while it comes first", () => {
    for (const [zone, change, back] of changes) {
      inZone(zone, () => {
        const [first, second] = [change - 1000, change - 1000 + back];
        const row = toColumn(first - 1000, false);
        assert.equal(row < toBound(first, false), false, "a row that may end in the second");
        assert.equal(row < toBound(second, false), true);
        for (const at of [change - 12 * hour, change + back, change + 12 * hour]) {
          assert.equal(toBound(at, false), toColumn(at, false));
        }
        assert.equal(toBound(first, true), toColumn(first, true));
      });
    }
  });
});
