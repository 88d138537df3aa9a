/** Reads the JUnit reports of `deno test` and `bun test` into one shape. */

/** One test, and how it ended. */
export interface Outcome {
  /** Names from the outermost `describe` inwards, joined by " > ". */
  readonly name: string;
  /** How it ended. */
  readonly state: "passed" | "failed" | "skipped";
  /** What a failed test said. */
  readonly message: string;
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return entities[name] ?? whole;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

function attribute(tag: string, name: string): string {
  return unescape(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

/** What a report holds. */
export interface Report {
  /** Every test. */
  readonly tests: readonly Outcome[];
  /** The test files that registered something, as the report spells them. */
  readonly files: ReadonlySet<string>;
}

/** Reads a report. Containers are not tests: Deno lists them too, so they are left out unless they failed themselves. */
export function readJunit(xml: string): Report {
  const files = new Set<string>();
  const cases: Outcome[] = [];
  const suites: string[] = [];
  for (
    const match of xml.matchAll(
      /<testsuite\s[^>]*>|<\/testsuite>|<testcase\s[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
    )
  ) {
    const [tag, body = ""] = match;
    if (tag === "</testsuite>") {
      suites.pop();
    } else if (tag.startsWith("<testsuite")) {
      suites.push(attribute(tag, "name"));
      if (tag.endsWith("/>")) suites.pop();
    } else {
      const trouble = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(body);
      const head = tag.slice(0, tag.indexOf(">") + 1);
      files.add(attribute(head, "file") || attribute(head, "classname")); // Bun's word, or Deno's
      cases.push({
        // Bun nests suites, the file outermost; Deno writes the path of names into the test's own name
        name: [...suites.slice(1), attribute(head, "name")].join(" > "),
        state: trouble ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
        message: trouble ? unescape(trouble[2] || attribute(` ${trouble[1]}`, "message")) : "",
      });
    }
  }
  const containers = new Set<string>();
  for (const { name } of cases) {
    for (let end = name.lastIndexOf(" > "); end > 0; end = name.lastIndexOf(" > ", end - 1)) {
      containers.add(name.slice(0, end));
    }
  }
  const ofSteps = /^\d+ test steps? failed\.?$/;
  const tests = cases.filter((one) =>
    !containers.has(one.name) || (one.state === "failed" && !ofSteps.test(one.message.trim()))
  );
  return { tests, files };
}
