/** `doctor`: checks a store, options, or both, and reports what should be changed. */

import { type Command, storeOptions } from "./command.ts";
import { examineOptions, examineSecret, readOptionsFile } from "./doctor_options.ts";
import { examineStore } from "./doctor_store.ts";
import { type Finding, finding, type Severity } from "./finding.ts";
import { exit, type Io, UsageError } from "./io.ts";
import { count, json, paint, plain, wrap } from "./text.ts";
import { givenPlace } from "./with_store.ts";

/** A correct clock never shows less: 2026-01-01. */
const earliest = 1_767_225_600_000;

/** Prints the findings; the exit code is that of the worst one. */
export const doctor: Command = {
  usage: ["[STORE] [--options FILE] [--secret-env NAME]"],
  summary: "checks a store, the options in FILE, and the secret in a variable",
  positionals: ["STORE?"],
  options: { ...storeOptions, options: "value", "secret-env": "value" },
  async run(given, io) {
    const { positionals, values, flags } = given;
    const place = positionals["STORE"] === undefined ? undefined : givenPlace(given);
    const { options: file, "secret-env": variable } = values;
    if (place === undefined && (values["table"] ?? values["prefix"]) !== undefined) {
      throw new UsageError("STORE is missing");
    }
    if (place === undefined && file === undefined && variable === undefined) {
      throw new UsageError("expected a store, --options or --secret-env");
    }
    const options = file === undefined ? undefined : await readOptionsFile(file);
    const findings: Finding[] = [
      io.now() >= earliest
        ? finding("clock", "ok", "the clock of this machine shows a possible time")
        : finding("clock", "error", "the clock of this machine is years behind: every session looks live"),
    ];
    if (place !== undefined) findings.push(...await examineStore(place, io.now()));
    if (options !== undefined) findings.push(...await examineOptions(options));
    if (variable !== undefined) {
      findings.push(examineSecret(io.env(variable), `the secret in ${plain(variable)}`));
    }
    report(findings, place?.name, flags.has("json"), io);
    const worst = (severity: Severity) => findings.some((one) => one.severity === severity);
    return worst("error") ? exit.failed : worst("warning") ? exit.reservations : exit.done;
  },
};

const colours = { ok: "green", warning: "yellow", error: "red" } as const;

function report(findings: readonly Finding[], name: string | undefined, isJson: boolean, io: Io): void {
  const number = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const [warnings, errors] = [number("warning"), number("error")];
  if (isJson) {
    io.out(json({ ...(name === undefined ? {} : { store: name }), findings, warnings, errors }));
    return;
  }
  if (name !== undefined) io.out(`${paint(io, "bold", `Checks of ${plain(name)}`)}\n\n`);
  for (const { severity, message } of findings) {
    const mark = paint(io, colours[severity], severity.padEnd(7));
    io.out(`  ${mark}  ${wrap(plain(message), io.columns, 11)}\n`);
  }
  io.out(`\n${count(errors, "error")}, ${count(warnings, "warning")}\n`);
}
