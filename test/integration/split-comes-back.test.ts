import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { TableMapping } from '../../core/mapping.js';
import type { Explanation } from '../../services/control/mapping/explain-table.js';
import type { WayBackResult } from '../../services/control/way-back/write-way-back.js';
import type { FerryProcess } from '../support/cli.js';
import { cutOver } from '../support/cut-over.js';
import { eventually } from '../support/eventually.js';
import { MERGED_MAPPING, MERGED_NEW, MERGED_OLD, MergedTables } from '../support/merged-tables.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const OLD = `
  CREATE TABLE public.people (
    id bigint PRIMARY KEY, email text NOT NULL, name text NOT NULL, bio text, kept text DEFAULT 'old', picture text);
  ALTER TABLE public.people ALTER picture SET STORAGE EXTERNAL;
  CREATE TABLE public.papers (id int PRIMARY KEY, kind text NOT NULL, body text);
  ALTER TABLE public.papers REPLICA IDENTITY FULL;
  CREATE TABLE public.rents (tenant int, id int, body text, note text DEFAULT 'none', PRIMARY KEY (tenant, id));
  INSERT INTO public.rents SELECT t, i, 'rent ' || i, 'note ' || i FROM generate_series(1, 2) t, generate_series(1, 10) i;
  INSERT INTO public.people SELECT i, 'u' || i || '@x', 'user ' || i, 'bio ' || i, 'kept ' || i, repeat('x', 3000)
    FROM generate_series(1, 20) i;
  INSERT INTO public.papers SELECT i, CASE WHEN i % 2 = 0 THEN 'note' ELSE 'task' END, 'doc ' || i FROM generate_series(1, 20) i`;

const NEW = `
  CREATE SCHEMA auth; CREATE SCHEMA shared; CREATE SCHEMA docs;
  CREATE TABLE auth.accounts (id bigint PRIMARY KEY, email text NOT NULL);
  CREATE TABLE shared.profiles (user_id bigint PRIMARY KEY, display_name text NOT NULL, bio text, picture text);
  ALTER TABLE shared.profiles ALTER picture SET STORAGE EXTERNAL;
  CREATE TABLE docs.notes (id int PRIMARY KEY, kind text NOT NULL, body text);
  CREATE TABLE docs.tasks (id int PRIMARY KEY, kind text NOT NULL, body text);
  CREATE TABLE docs.rents_of_one (id int PRIMARY KEY, body text); CREATE TABLE docs.rents_of_two (LIKE docs.rents_of_one INCLUDING ALL)`;

const MAPPINGS = {
  auth: 'schema: auth\ntables:\n  accounts: { from: public.people, pick: [id, email] }\n',
  shared: `schema: shared
tables:
  profiles: { from: public.people, pick: [id, name, bio, picture], rename: { id: user_id, name: display_name } }
`,
  docs: `schema: docs
tables:
  notes: { from: public.papers, where: kind = 'note' }
  tasks: { from: public.papers, where: kind <> 'note' }
  rents_of_one: { from: public.rents, where: tenant = 1, pick: [id, body] }
  rents_of_two: { from: public.rents, where: tenant = 2, pick: [id, body] }
`,
};

/** That a part goes is nothing that the old row could say. */
const ACCEPTED = { forced: { 'way-back': '--accept-one-way' } };

/** What the old tables must have, by the new project's. */
const JOINED = `
  SELECT a.id, a.email, p.display_name AS name, p.bio, length(p.picture) AS picture
    FROM auth.accounts a JOIN shared.profiles p ON p.user_id = a.id ORDER BY a.id`;
const USERS = 'SELECT id, email, name, bio, length(picture) AS picture FROM public.people ORDER BY id';
const BOTH = 'SELECT * FROM (SELECT * FROM docs.notes UNION ALL SELECT * FROM docs.tasks) d ORDER BY id';
const DOCS = 'SELECT * FROM public.papers ORDER BY id';
const ONE_AND_TWO = `
  SELECT * FROM (SELECT 1 AS tenant, * FROM docs.rents_of_one UNION ALL SELECT 2, * FROM docs.rents_of_two) r ORDER BY 1, 2`;
const RENTS = 'SELECT tenant, id, body FROM public.rents ORDER BY 1, 2';

describeWithPostgres('tables that were split and merged', () => {
  let pair: MovingPair;
  let merged: MergedTables;
  let back: FerryProcess;

  beforeAll(async () => {
    pair = await MovingPair.open({ servers: testServers(), partitions: 3 });
    merged = new MergedTables(pair);
    await pair.source.query(`${OLD}; ${MERGED_OLD}`);
    await pair.target.query(`${NEW}; ${MERGED_NEW}`);
    await pair.configure({ ...MAPPINGS, sec: MERGED_MAPPING });
    await pair.up();
  });
  afterAll(() => pair?.close());

  const rowsOf = async (side: 'source' | 'target', sql: string) => (await pair[side].query(sql)).rows;

  async function expectBack(): Promise<void> {
    for (const [old, now] of [
      [USERS, JOINED],
      [DOCS, BOTH],
      [RENTS, ONE_AND_TWO],
    ] as const) {
      const isSame = async () =>
        JSON.stringify(await rowsOf('source', old)) === JSON.stringify(await rowsOf('target', now));
      await eventually(isSame, { what: `both projects to have the same: ${old}` }).catch(async (error) => {
        expect(await rowsOf('source', old)).toEqual(await rowsOf('target', now));
        throw error;
      });
    }
  }

  test('has a way back that says what comes from where', async () => {
    const written = await pair.run('way-back', '--json');
    expect(written.code, written.stderr).toBe(0);
    const { tables, oneWay } = written.json<WayBackResult>();
    expect(tables.map(({ source, target }) => `${source} -> ${target}`).sort()).toEqual([
      'auth.accounts -> public.people',
      'docs.notes -> public.papers',
      'docs.rents_of_one -> public.rents',
      'docs.rents_of_two -> public.rents',
      'docs.tasks -> public.papers',
      'ferry.sec.keys < public.keys -> public.keys',
      'ferry.sec.keys < public.vendor_keys -> public.vendor_keys',
      'ferry.sec.things < public.devices -> public.devices',
      'ferry.sec.things < public.gadgets -> public.gadgets',
      'shared.profiles -> public.people',
    ]);
    expect(oneWay.filter(({ level }) => level === 'table')).toEqual([]);
    merged.expectNamed(oneWay);
    const { tables: mapped } = parse(await readFile(join(pair.back, 'mapping', 'public.yaml'), 'utf8'));
    expect(mapped.rents.join.map(({ partitions }: TableMapping) => partitions)).toEqual([1, 1]);
    // Because of their parts they are in one partition anyway.
    expect(mapped.people.join.map(({ partitions }: TableMapping) => partitions)).toEqual([undefined, undefined]);
    const explained = await pair.runPlain('map', 'explain', 'public.people', '-c', pair.back, '--json');
    expect(explained.json<{ tables: Explanation[] }>().tables).toMatchObject([
      { source: 'shared.profiles', join: 'rows' },
      { source: 'auth.accounts', join: 'part', unfilled: [] },
    ]);
    const checked = await pair.runPlain('check', '-c', pair.back, '--json');
    expect(checked.code, checked.stdout).toBe(0);
  });

  test('is written row by row, whole, in the old project', async () => {
    back = await pair.upBack();
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
    const { target } = pair;
    await target.query(`BEGIN;
      INSERT INTO auth.accounts VALUES (101, 'a@x');
      INSERT INTO shared.profiles VALUES (101, 'Ada', 'first', 'p');
      INSERT INTO shared.profiles VALUES (102, 'Alan', NULL, 'p');
      INSERT INTO auth.accounts VALUES (102, 'b@x');
      COMMIT`);
    await target.query(`UPDATE shared.profiles SET bio = 'changed' WHERE user_id <= 5`);
    await target.query(`UPDATE auth.accounts SET email = 'new' || id || '@x' WHERE id BETWEEN 4 AND 8`);
    await target.query(`BEGIN;
      DELETE FROM auth.accounts WHERE id IN (10, 11); DELETE FROM shared.profiles WHERE user_id IN (10, 11);
      DELETE FROM shared.profiles WHERE user_id = 12; DELETE FROM auth.accounts WHERE id = 12;
      INSERT INTO auth.accounts VALUES (11, 'again@x'); INSERT INTO shared.profiles VALUES (11, 'Again', NULL, NULL);
      COMMIT`);
    await target.query(`BEGIN;
      UPDATE auth.accounts SET id = 115 WHERE id = 13; UPDATE shared.profiles SET user_id = 115 WHERE user_id = 13;
      UPDATE shared.profiles SET user_id = 116 WHERE user_id = 14; UPDATE auth.accounts SET id = 116 WHERE id = 14;
      COMMIT`);
    await target.query(`BEGIN;
      INSERT INTO docs.tasks SELECT id, 'task', body FROM docs.notes WHERE id = 2; DELETE FROM docs.notes WHERE id = 2;
      WITH gone AS (DELETE FROM docs.tasks WHERE id = 3 RETURNING id, body) INSERT INTO docs.notes SELECT id, 'note', body FROM gone;
      DELETE FROM docs.tasks WHERE id = 5; INSERT INTO docs.notes VALUES (5, 'note', 'moved'), (50, 'note', 'new');
      COMMIT`);
    await target.query(`
      UPDATE docs.rents_of_one SET body = 'of one' WHERE id = 1; DELETE FROM docs.rents_of_two WHERE id = 1;
      UPDATE docs.rents_of_two SET id = 33 WHERE id = 3; INSERT INTO docs.rents_of_two VALUES (11, 'new'), (3, 'again');
      WITH gone AS (DELETE FROM docs.rents_of_one WHERE id = 9 RETURNING *) INSERT INTO docs.rents_of_two SELECT id + 100, body FROM gone`);
    await merged.expectComesBack();
    await expectBack();
    expect(
      await rowsOf('source', 'SELECT note FROM public.rents WHERE tenant = 2 AND id IN (3, 4, 33) ORDER BY id'),
    ).toEqual(['none', 'note 4', 'note 3'].map((note) => ({ note })));
    expect(await rowsOf('source', 'SELECT kept FROM public.people WHERE id IN (1, 115, 116) ORDER BY id')).toEqual(
      ['kept 1', 'kept 13', 'kept 14'].map((kept) => ({ kept })),
    );
    const { errors } = await pair.until('the ledger to add up', ({ ledger }) => ledger?.addsUp === true, {
      config: pair.back,
    });
    expect(errors).toEqual([]);
  });

  test('is compared through its way back, and goes there and back again', async () => {
    const verified = await pair.runPlain('verify', '-c', pair.back, '--json');
    expect(verified.code, verified.stdout).toBe(0);
    await pair.source.query('ALTER TABLE public.people DISABLE TRIGGER ALL');
    await pair.source.query(`UPDATE public.people SET bio = 'nobody wrote this' WHERE id = 7`);
    await pair.source.query('ALTER TABLE public.people ENABLE TRIGGER ALL');
    const differs = await pair.runPlain('verify', '-c', pair.back, '--json');
    expect(differs.code).toBe(3);
    expect(differs.stdout).toContain('shared.profiles');
    await pair.target.query(`UPDATE shared.profiles SET bio = 'written' WHERE user_id = 7`);
    await expectBack();
    expect(await cutOver(pair, 'begin', {}, 'back')).toMatchObject({ ok: true, serving: 'source' });
    await merged.expectStandAgain();
    await pair.source.query(`INSERT INTO public.people VALUES (201, 'c@x', 'Carol', 'old again', 'kept', 'p');
      UPDATE public.people SET name = name || '!' WHERE id < 4; DELETE FROM public.people WHERE id = 101;
      UPDATE public.papers SET kind = 'note' WHERE id = 7;
      UPDATE public.rents SET tenant = 3 - tenant, id = id + 200 WHERE id > 7`);
    await pair.untilStreaming();
    await expectBack();
    await merged.expectMerged();
    expect(await cutOver(pair, 'begin', ACCEPTED)).toMatchObject({ ok: true, serving: 'target' });
    await pair.target.query(`UPDATE shared.profiles SET display_name = 'new again' WHERE user_id = 201`);
    await expectBack();
    await merged.expectComesBackAgain();
  });

  test('a part without its row is refused by name, and set aside where refused changes are', async () => {
    await pair.target.query(`INSERT INTO auth.accounts VALUES (999, 'nobody@x')`);
    const stands = await pair.until('the part to be refused', ({ errors }) => errors.length > 0, { config: pair.back });
    expect(stands.errors.join()).toMatch(/missing in the target table public.people/);
    await appendFile(join(pair.back, 'pipeline.yaml'), 'apply: { onRefusal: dead-letter }\n');
    await back.stop();
    back = await pair.upBack();
    const listed = await pair.runPlain('dead-letter', 'list', '-c', pair.back, '--json');
    expect(listed.json()).toMatchObject({ ok: false, letters: [{ tables: ['public.people'], keys: [['999']] }] });
    await pair.target.query(`BEGIN;
      INSERT INTO auth.accounts VALUES (300, 'late@x'); INSERT INTO shared.profiles VALUES (300, 'Late', NULL, NULL);
      COMMIT`);
    const retried = await pair.runPlain('dead-letter', 'retry', '--all', '-c', pair.back, '--json');
    expect(retried.code, retried.stdout).toBe(3);
    const dropped = await pair.runPlain('dead-letter', 'drop', '--all', '--yes', '-c', pair.back, '--json');
    expect(dropped.code, dropped.stderr).toBe(0);
    await expectBack();
    await merged.expectSetAside();
  });
});
