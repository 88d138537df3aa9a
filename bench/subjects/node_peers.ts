/** Express's sessions: express-session and cookie-session, in Express and around a bare `node:http` handler. */

import cookieSession from "cookie-session";
import express from "express";
import session from "express-session";
import { callListener } from "./node_request.ts";
import {
  type Data,
  firstData,
  type Listener,
  type Opened,
  type Scenario,
  scenarios,
  type Subject,
} from "./subject.ts";

const secret = "of no use outside of this bench: 9b1f3c";
const life = 1_209_600_000;

/** A middleware of connect's kind. */
// deno-lint-ignore no-explicit-any -- neither package has types
type Middleware = (request: any, response: any, next: (error?: unknown) => void) => void;

// deno-lint-ignore no-explicit-any -- as above
function answer(scenario: Scenario, request: any): string {
  if (scenario === "N") return "ok";
  const data: Partial<Data> = request.session;
  const { name } = data;
  if (name === undefined) Object.assign(data, firstData());
  else if (scenario === "W") data.visits!++;
  return String(name);
}

function forAll(make: (scenario: Scenario) => Listener): Opened {
  const listeners = Object.fromEntries(scenarios.map((one) => [one, make(one)])) as Record<
    Scenario,
    Listener
  >;
  const handlers = Object.fromEntries(scenarios.map((one) => [one, callListener(listeners[one])]));
  return { listeners, handlers: handlers as Opened["handlers"] };
}

/** Around a handler without a framework. */
function alone(middleware: Middleware | undefined): Opened {
  if (middleware === undefined) return forAll(() => (_request, response) => response.end("ok"));
  return forAll((scenario) => (request, response) =>
    middleware(request, response, (error) => {
      if (error) throw error;
      response.end(answer(scenario, request));
    })
  );
}

/** In Express. Only over HTTP: it gives requests and responses its own prototypes. */
function inExpress(middleware: Middleware | undefined): Opened {
  return forAll((scenario) => {
    const app = express();
    if (middleware) app.use(middleware);
    // deno-lint-ignore no-explicit-any -- no types
    app.get(
      "/",
      (request: any, response: any) => response.send(middleware ? answer(scenario, request) : "ok"),
    );
    return app;
  });
}

const expressSession = (): Middleware =>
  session({
    secret,
    resave: false,
    saveUninitialized: false,
    // its memory store warns that it is not meant for production; it is the fastest one it has
    cookie: { maxAge: life, sameSite: "lax" },
  });
const signedCookie = (): Middleware =>
  cookieSession({ name: "sid", keys: [secret], maxAge: life, sameSite: "lax" });

/** All of them. */
export function nodePeers(): Subject[] {
  const memory = { kind: "peer", keeps: "memory" } as const;
  const cookie = { kind: "peer", keeps: "cookie" } as const;
  return [
    { name: "node:http, bare", kind: "bare", inProcessOnly: true, open: () => alone(undefined) },
    {
      ...memory,
      name: "express-session, memory",
      bare: "node:http, bare",
      inProcessOnly: true,
      open: () => alone(expressSession()),
    },
    {
      ...cookie,
      name: "cookie-session",
      bare: "node:http, bare",
      inProcessOnly: true,
      open: () => alone(signedCookie()),
    },
    { name: "Express, bare", kind: "bare", httpOnly: true, open: () => inExpress(undefined) },
    {
      ...memory,
      name: "express-session in Express, memory",
      bare: "Express, bare",
      httpOnly: true,
      open: () => inExpress(expressSession()),
    },
    {
      ...cookie,
      name: "cookie-session in Express",
      bare: "Express, bare",
      httpOnly: true,
      open: () => inExpress(signedCookie()),
    },
  ];
}
