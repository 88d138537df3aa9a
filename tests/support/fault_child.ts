/** Run by tests/api/close_test.ts: everything fails, nobody awaits anything, and the process has to end by itself with "done". */

import { begin, cleanFaults, type Fault, type Method, Site, Visitor } from "./fault_rig.ts";

/** What the handler does, and the store call that fails. */
const uses: readonly [method: Method, cycles?: boolean][] = [
  ["load"],
  ["create"],
  ["save"],
  ["save", true],
  ["delete"],
  ["touch"],
];

for (const fault of [...cleanFaults, "lost", "late"] as readonly Fault[]) {
  for (const [method, cycles] of uses) {
    const site = new Site({
      timeout: 60,
      onEvent: () => Promise.reject(new Error("a hook that rejects")),
    });
    const visitor = method === "create" ? new Visitor(site) : await begin(site);
    // A call that hangs must not keep the process: it is released below.
    site.store.fail(fault, method);
    if (method === "touch") site.clock.now += 3_600_000;
    const response = visitor.send(async (request) => {
      // Started, used, failed, and never awaited.
      request.session.then((session) => {
        if (cycles) session.cycleKey();
        if (method === "delete") session.flush().catch(() => {});
        else if (method !== "touch" && method !== "load") session.set("a", 2).save().catch(() => {});
        else session.get("a");
      }).catch(() => {});
      void site.sessions.get(request);
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
      return new Response("fine");
    });
    while (fault === "hang" || fault === "late" ? site.store.hanging.length === 0 : false) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    const release = setInterval(() =>
      site.store.hanging.splice(0).forEach(({ reject }) => reject(new Error("released")))
    );
    await response;
    clearInterval(release);
    site.store.hanging.splice(0).forEach(({ reject }) => reject(new Error("released")));
  }
}
console.log("done");
