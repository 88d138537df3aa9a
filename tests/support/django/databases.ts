/** PostgreSQL and MariaDB servers for tests, each in a folder of its own, on a free port of 127.0.0.1. */

import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, until } from "../redis/server.ts";
import { isRoot } from "./real_site.ts";

const execute = promisify(execFile);

/** A running server. */
export interface DatabaseServer {
  readonly port: number;
  readonly user: string;
  readonly name: string;
  /** What Django needs to be told. */
  readonly django: Record<string, unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Debian keeps the server's programs out of the path. */
const postgresFolder: string | undefined = existsSync("/usr/lib/postgresql")
  ? readdirSync("/usr/lib/postgresql").map((version) => `/usr/lib/postgresql/${version}/bin`)
    .findLast((folder) => existsSync(`${folder}/initdb`))
  : undefined;

/** Whether PostgreSQL's server is installed. */
export const postgresFound: boolean = postgresFolder !== undefined;

/** Whether MariaDB's server is installed. */
export const mariaFound: boolean = existsSync("/usr/sbin/mariadbd");

/** Starts PostgreSQL. It ends with this process at the latest, as its standard input does. */
export async function startPostgres(): Promise<DatabaseServer> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-postgres-"));
  const port = await freePort();
  const [command, before] = await as("postgres", folder);
  const run = (program: string, ...args: string[]) =>
    [command ?? `${postgresFolder}/${program}`, [
      ...before,
      ...(command ? [`${postgresFolder}/${program}`] : []),
      ...args,
    ]] as const;
  const data = join(folder, "data");
  await execute(
    ...run("initdb", "-D", data, "-A", "trust", "-U", "test", "--no-sync", "-E", "UTF8", "--locale=C"),
  );
  const settings = ["fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
  const args = ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])];
  const stop = outliving(run("postgres", ...args), folder);
  await until(() => answers(port, "postgres"));
  return {
    port,
    user: "test",
    name: "postgres",
    django: {
      ENGINE: "django.db.backends.postgresql",
      HOST: "127.0.0.1",
      PORT: port,
      NAME: "postgres",
      USER: "test",
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts MariaDB, with a database `test` and a user `test` without a password. */
export async function startMaria(): Promise<DatabaseServer> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-maria-"));
  const port = await freePort();
  const data = join(folder, "data");
  const user = isRoot ? ["--user=mysql"] : [];
  if (isRoot) await as("mysql", folder);
  const install = ["--no-defaults", `--datadir=${data}`, "--skip-test-db", "--skip-name-resolve", ...user];
  await execute("mariadb-install-db", [...install, "--auth-root-authentication-method=normal"]);
  const socket = join(folder, "socket");
  const stop = outliving(["/usr/sbin/mariadbd", [
    "--no-defaults",
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    "--innodb-flush-log-at-trx-commit=0",
    `--pid-file=${folder}/pid`,
    ...user,
  ]], folder);
  await until(() => existsSync(socket) && answers(port, "mysql"));
  const sql = "CREATE DATABASE test CHARACTER SET utf8mb4; CREATE USER test@'127.0.0.1'; " +
    "CREATE USER test@localhost; GRANT ALL ON test.* TO test@'127.0.0.1'; GRANT ALL ON test.* TO test@localhost";
  await execute("mariadb", ["--no-defaults", `--socket=${socket}`, "-uroot", "-e", sql]);
  return {
    port,
    user: "test",
    name: "test",
    django: {
      ENGINE: "django.db.backends.mysql",
      HOST: "127.0.0.1",
      PORT: port,
      NAME: "test",
      USER: "test",
      OPTIONS: { charset: "utf8mb4" },
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** Database servers refuse to run as root: gives the folder to `user`, and says what starts a program as that user. */
async function as(user: string, folder: string): Promise<[string | undefined, string[]]> {
  if (!isRoot) return [undefined, []];
  const id = (which: string) => Number(execFileSync("id", [which, user], { encoding: "utf8" }));
  await chown(folder, id("-u"), id("-g"));
  return ["setpriv", [`--reuid=${user}`, `--regid=${user}`, "--clear-groups"]];
}

/** Starts a server under a shell that ends it when this process ends, however that comes about. */
function outliving(
  [program, args]: readonly [string, readonly string[]],
  folder: string,
): () => Promise<void> {
  // PostgreSQL takes QUIT for "at once, children too"
  const script = '"$@" </dev/null >/dev/null 2>&1 & server=$!; cat; kill -QUIT $server; ' +
    `${program.endsWith("mariadbd") ? "kill -KILL $server; " : ""}wait $server`;
  const shell = spawn("/bin/sh", ["-c", script, "sh", program, ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: folder,
  });
  const ended = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  return async () => {
    shell.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
}

/** Whether a server takes connections: MySQL greets; PostgreSQL lets a user in, or says that it is still starting. */
function answers(port: number, kind: "postgres" | "mysql"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      if (kind === "mysql") return;
      const user = new TextEncoder().encode("user\0test\0database\0postgres\0\0");
      const head = new DataView(new ArrayBuffer(8));
      head.setUint32(0, 8 + user.length);
      head.setUint32(4, 3 << 16); // the version of the protocol
      socket.write(new Uint8Array([...new Uint8Array(head.buffer), ...user]));
    });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once("data", (data: Uint8Array) => end(kind === "mysql" || data[0] === 0x52)); // "R": may come in
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    socket.setTimeout(1000, () => end(false));
  });
}
