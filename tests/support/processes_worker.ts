/** One of several processes on one session: `processes_worker.ts <job> <store> <place> <session id> <worker>`. */

import { createSessions, type Session, SessionError } from "../../mod.ts";
import { secrets, stores } from "./processes_stores.ts";

const [job, name, ref, id, worker] = process.argv.slice(2) as [string, string, string, string, string];
const { store, release } = await stores[name]!(ref, Number(worker));
const sessions = createSessions({ store, secrets });
const everyone = [0, 1, 2, 3];
let conflicts = 0;

const say = (what: object) => void process.stdout.write(`${JSON.stringify(what)}\n`);

/** Saves; the code of the refusal, if it is one that other processes may cause. */
function refusal(session: Session): Promise<string | undefined> {
  return session.save().then(() => undefined, (error: unknown) => {
    const { code } = error as SessionError;
    if (error instanceof SessionError && (code === "ERR_CONFLICT" || code === "ERR_GONE")) return code;
    throw error;
  });
}

/** Changes the session in a unit of work, and in another one after a conflict; `undefined` once the session is gone. */
async function change(how: (session: Session) => void): Promise<Session | undefined> {
  for (;;) {
    const session = await sessions.open(id);
    if (session.id === undefined) return undefined;
    how(session);
    const code = await refusal(session);
    if (code === undefined) return session;
    if (code === "ERR_GONE") return undefined;
    conflicts++;
  }
}

async function until(isSo: (session: Session) => boolean): Promise<Session> {
  for (;;) {
    const session = await sessions.open(id);
    if (isSo(session)) return session;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One round of a writer: counts, and leaves a key of its own. Says what was acknowledged; whether there was a session. */
async function round(key: string, i: number): Promise<boolean> {
  const began = Date.now();
  const session = await change((session) => {
    session.update("n", (n: number = 0) => n + 1);
    session.set(key, i);
  });
  if (session !== undefined) say({ i, n: session.get("n"), began, ended: Date.now() });
  return session !== undefined;
}

async function hammer(): Promise<void> {
  for (let i = 0; i < 60; i++) await round(`own-${worker}-${i}`, i);
}

/** Writes until the session is gone, and then what was begun before. */
async function persist(): Promise<void> {
  const late = await Promise.all(everyone.map(() => sessions.open(id)));
  for (const session of late) session.set("late", worker);
  for (let i = 0; await round(`own-${worker}`, i); i++);
  for (const session of late) say({ late: await refusal(session) });
}

/** Ends the session while the others write. */
async function flush(): Promise<void> {
  const others = everyone.filter((other) => String(other) !== worker);
  const session = await until((session) =>
    others.every((other) => Number(session.get(`own-${other}`)) >= 10)
  );
  await session.flush();
  say({ flushed: Date.now() });
  for (let i = 0; i < 100; i++) say({ found: (await sessions.open(id)).id !== undefined });
}

// All begin together: a runtime that starts sooner would be done before the other one is there.
await change((session) => session.set(`here-${worker}`, true));
await until((session) => everyone.every((one) => session.has(`here-${one}`)));
await ({ hammer, persist, flush })[job as "hammer"]();
say({ conflicts });
await sessions.close();
release?.();
