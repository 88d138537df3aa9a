/** The head of a record: its format, the session's notes, and the proofs of its ids. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { SessionError } from "../../src/errors.ts";
import { lineOf, metaOf, withMeta, wordsOf } from "../../src/data/record_head.ts";
import {
  isCurrent,
  type Proofs,
  readProofs,
  rotated,
  saved,
  withProofs,
} from "../../src/transport/id_proofs.ts";
import { makeId, nextId, proofOf, storageKey } from "../../src/crypto/session_id.ts";

const withCode = (code: string) => (error: unknown) => error instanceof SessionError && error.code === code;
const proofNo = (n: number) => n.toString(16).padStart(24, "0");
const now = 1_800_000_000_000;
const proofs: Proofs = { proof: proofNo(1), since: now, logins: 0, formers: [] };

describe("the notes in the head of a record", () => {
  it("stand in a second line, if there are any, and are read as they were written", () => {
    assert.equal(withMeta(undefined, {}), "1");
    assert.equal(withMeta("1 words\n{}", {}), "1 words");
    for (
      const notes of [
        { expiry: 0 },
        { expiry: { at: 5 } },
        { label: "" },
        { label: "é\n😀", stamp: "s" },
        { expiry: 60, label: "l", stamp: "s" },
      ]
    ) {
      const head = withMeta("1 words\nold", notes);
      assert.equal(head, `1 words\n${JSON.stringify(notes)}`);
      assert.deepEqual(metaOf(head), notes);
      assert.equal(lineOf(head), "1 words");
      assert.equal(wordsOf(head), "words");
    }
    for (const head of ["1", "1 words"]) assert.deepEqual(metaOf(head), {});
  });

  it("SR-050 of a newer format are trouble, anything else that was not written here is damage", () => {
    for (const head of ["2", "2 words", "2\n{}", '999999999 x\n{"new":1}']) {
      for (const read of [metaOf, wordsOf, readProofs]) {
        assert.throws(() => read(head), withCode("ERR_STORE"), head);
      }
    }
    const damaged = [
      undefined,
      "",
      "\n",
      "0",
      "01",
      "-1",
      "1words",
      "1234567890",
      "x",
      "1\n",
      "1\n{",
      "0\n{}",
    ];
    damaged.push(
      "1\nnull",
      "1\n5",
      '1\n{"other":1}',
      '1\n{"label":1}',
      '1\n{"stamp":null}',
      '1\n{"former":1}',
    );
    damaged.push('1\n{"expiry":"5"}', '1\n{"expiry":null}', '1\n{"expiry":{}}', '1\n{"expiry":{"at":"5"}}');
    for (const head of damaged) {
      assert.throws(() => metaOf(head), withCode("ERR_DAMAGED"), JSON.stringify(head));
    }
  });
});

describe("the proofs in the head of a record", () => {
  it("SR-005 are hashes of whole ids, under another name than the key's, and one key is for all ids of a session", async () => {
    const id = makeId();
    const next = nextId(id);
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    assert.equal(await storageKey(id), hash(`sojourn session key 2\n${id.slice(0, 16)}`));
    assert.equal(await proofOf(id), hash(`sojourn session proof 1\n${id}`).slice(0, 24));
    assert.equal(await storageKey(next), await storageKey(id));
    assert.notEqual(await proofOf(next), await proofOf(id));
    assert.equal(next.slice(0, 16), id.slice(0, 16));
    assert.match(next, /^[A-Za-z0-9_-]{32}$/);
  });

  it("are read as they were written, beside the notes", () => {
    for (let count = 0; count <= 8; count++) {
      const formers = Array.from({ length: count }, (_, i) => ({ proof: proofNo(i + 2), until: now + i }));
      for (const head of ["1", '1 words\n{"label":"l"}']) {
        const all = { ...proofs, logins: count, formers };
        const written = withProofs(head, all);
        assert.deepEqual(readProofs(written), all);
        assert.deepEqual(metaOf(written), metaOf(head));
        assert.ok(isCurrent(written, proofs.proof));
        for (const { proof } of formers) assert.ok(!isCurrent(written, proof));
      }
    }
    assert.equal(readProofs(withProofs("1", { ...proofs, since: 5.7 })).since, 5);
    assert.equal(readProofs(withProofs("1", { ...proofs, since: -5 })).since, 0);
  });

  it("SR-050 that were not written here are damage", () => {
    const good = withProofs("1", { ...proofs, formers: [{ proof: proofNo(2), until: now }] });
    const bad = [
      "1",
      "1 ",
      "1 words",
      good.toUpperCase().replace(proofNo(1), "A".repeat(24)),
      `${good} `,
      `${good}x`,
    ];
    bad.push(good.slice(0, 40), good.replace("@", " "), `${good}${` ${proofNo(3)}@1`.repeat(8)}`);
    for (const head of bad) assert.throws(() => readProofs(head), withCode("ERR_DAMAGED"), head);
    for (const head of [undefined, "", "1", ` ${good}`, `2${good.slice(1)}`]) {
      assert.equal(isCurrent(head, proofs.proof), false, String(head));
    }
  });

  it("SR-031 a rotation without grace leaves no former; with grace the newest eight whose time is not over", () => {
    let head = withProofs('1\n{"label":"l"}', proofs);
    for (let i = 2; i <= 12; i++) {
      head = rotated(head, head, { proof: proofNo(i), now: now + i, grace: 30, isLogin: false });
    }
    const { formers, proof, since, logins } = readProofs(head);
    assert.deepEqual([proof, since, logins], [proofNo(12), now + 12, 0]);
    assert.deepEqual(formers.map(({ proof }) => proof), [4, 5, 6, 7, 8, 9, 10, 11].map(proofNo));
    assert.deepEqual(metaOf(head), { label: "l" });
    const later = rotated(head, head, { proof: proofNo(13), now: now + 30_008, grace: 1, isLogin: false });
    assert.deepEqual(readProofs(later).formers, [
      { proof: proofNo(8), until: now + 30_009 },
      { proof: proofNo(9), until: now + 30_010 },
      { proof: proofNo(10), until: now + 30_011 },
      { proof: proofNo(11), until: now + 30_012 },
      { proof: proofNo(12), until: now + 31_008 },
    ]);
    const bare = rotated(head, head, { proof: proofNo(14), now, grace: 0, isLogin: true });
    assert.deepEqual(readProofs(bare), { proof: proofNo(14), since: now, logins: 1, formers: [] });
  });

  it("a plain save leaves them, but strikes out what is over and counts a change of the user", () => {
    const bare = withProofs("1", proofs);
    assert.equal(saved(bare, bare, now, false), bare);
    assert.deepEqual(readProofs(saved(bare, bare, now, true)), { ...proofs, logins: 1 });
    const formers = [{ proof: proofNo(2), until: now }, { proof: proofNo(3), until: now + 1 }];
    const graced = withProofs('1\n{"stamp":"s"}', { ...proofs, formers });
    const after = saved(graced, graced, now, false);
    assert.deepEqual(readProofs(after), { ...proofs, formers: formers.slice(1) });
    assert.deepEqual(metaOf(after), { stamp: "s" });
  });

  it("fit with the longest notes into the 4,096 bytes that a store keeps", () => {
    const formers = Array.from({ length: 9 }, (_, i) => ({ proof: proofNo(i + 2), until: 2 ** 53 - 1 }));
    const line = withProofs("1", {
      proof: proofNo(1),
      since: 2 ** 53 - 1,
      logins: 999_999_999_999_999,
      formers,
    });
    assert.equal(readProofs(line).formers.length, 8);
    for (const worst of ["\u0001", "\uD800", "é", "中"]) {
      const text = worst.repeat(200);
      const head = withMeta(line, { expiry: { at: 2 ** 53 - 1 }, label: text, stamp: text });
      assert.ok(new TextEncoder().encode(head).length <= 4_096, JSON.stringify(worst));
      assert.equal(metaOf(head).label, text);
    }
  });
});
