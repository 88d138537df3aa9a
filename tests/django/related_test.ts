/** Django's table in SQLite when other tables refer to it, or when it is a site's own. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { DjangoDbStore } from "../../backends/django.ts";
import { testRelated } from "../support/django/related_suite.ts";
import { connect, Driver, run } from "../support/sqlite/rig.ts";

describe("Django's table in SQLite", () => {
  const database = connect(":memory:");
  after(() => database.close());
  testRelated({
    name: "sqlite",
    columns:
      '"session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL',
    rules: ["DEFERRABLE INITIALLY DEFERRED", "ON DELETE RESTRICT"],
    engine: (table) => new DjangoDbStore(database, { table }),
    run(sql) {
      const statement = database.prepare(sql);
      try {
        return Promise.resolve(statement.all() as Record<string, unknown>[]);
      } finally {
        statement.finalize?.();
      }
    },
  });

  it("has its foreign keys kept, whatever the connection did before", () => {
    const own = new Driver(":memory:", { enableForeignKeyConstraints: false });
    run(
      own,
      "CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date datetime)",
    );
    run(own, "PRAGMA foreign_keys = OFF");
    new DjangoDbStore(own);
    assert.equal(run(own, "PRAGMA foreign_keys"), 1);
    own.close();
  });
});
