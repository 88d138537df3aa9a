/** A real Django site and a server of ours share the sessions of a real SQLite file, and those in signed cookies. */

import { describe } from "node:test";
import { DjangoDbStore, djangoSessions } from "../../backends/django.ts";
import { testLive } from "../support/django/live_suite.ts";
import { djangoFound } from "../support/django/real_site.ts";
import { needs } from "../support/needs.ts";

describe("live: Django's table in SQLite", needs("python3-django", djangoFound), () => {
  testLive({
    site: () => ({}),
    sessions: async ({ secretKey, path }) =>
      djangoSessions({ secretKey, store: await DjangoDbStore.open(path) }),
    isHeld: true,
    endsByNumber: true,
    keepsExpired: true,
  });
});

describe("live: Django's table in SQLite with local time", needs("python3-django", djangoFound), () => {
  testLive({
    site: () => ({ useTz: false, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
    sessions: async ({ secretKey, path }) =>
      djangoSessions({ secretKey, store: await DjangoDbStore.open(path, { useTz: false }) }),
    isHeld: true,
    endsByNumber: true,
    keepsExpired: true,
  });
});

describe("live: Django's signed cookies", needs("python3-django", djangoFound), () => {
  testLive({
    site: () => ({ engine: "signed_cookies" }),
    sessions: ({ secretKey }) => djangoSessions({ secretKey, engine: "signed_cookies" }),
    isHeld: false,
    endsByNumber: false,
    keepsExpired: false,
  });
});
