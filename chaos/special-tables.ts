import type { Random } from '../test/support/random.js';

/** As its writers know them. */
const LOOSE = 'public.loose';
const PICKY = 'public.picky';
const GROWS = 'public.grows';

export const DOMAINS = ['shared', 'growth', 'slow'] as const;

/** The journal of a domain, in the source. */
export const journalOf = (domain: string) => `journal_${domain}`;

function journalSql(domain: string): string {
  const journal = `public.${journalOf(domain)}`;
  return `CREATE TABLE ${journal} (id bigint GENERATED ALWAYS AS IDENTITY, note text); ALTER TABLE ${journal} REPLICA IDENTITY FULL;`;
}

/** What every transaction adds. */
export function entriesSql(note: string): string {
  return DOMAINS.map((domain) => `INSERT INTO public.${journalOf(domain)} (note) VALUES ('${note}')`).join('; ');
}

/** Values of rows that the target takes no row with. */
export const REFUSED = 3;

/** Rows of `walked`, a second of a run. */
const WALKED_ROWS = 20;

/**
 * Tables beside the random ones, each for something that those would not show.
 * - journal: one a domain, without a key: every transaction adds a row to each, so that what is written twice stands
 *   there twice, and what is lost is missing.
 * - loose: without a key too; its rows change.
 * - walked: copied for most of a run, while each row changes at most once: what a chunk overwrites stays so.
 * - grows: its columns change while it runs.
 * - picky: the target refuses some of its rows.
 */
export const SPECIAL_SQL = `
  ${DOMAINS.map(journalSql).join('\n  ')}
  CREATE TABLE ${LOOSE} (n int, note text);
  ALTER TABLE ${LOOSE} REPLICA IDENTITY FULL;
  CREATE TABLE public.walked (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, big text);
  ALTER TABLE public.walked ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE ${GROWS} (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, note varchar(20), small int);
  CREATE TABLE ${PICKY} (id int PRIMARY KEY, n int)`;

export function fillSpecialSql(seconds: number): string {
  return `
    INSERT INTO ${LOOSE} SELECT i % 5, 'before' FROM generate_series(1, 30) i;
    INSERT INTO public.walked SELECT i, 0, pg_catalog.repeat((i % 10)::text, 3000)
      FROM generate_series(1, ${Math.round(seconds * WALKED_ROWS)}) i;
    INSERT INTO ${GROWS} SELECT i, 0, 'before', i FROM generate_series(1, 20) i;
    INSERT INTO ${PICKY} SELECT i, 1 FROM generate_series(1, 20) i`;
}

/** In the target, under its schema. */
export const REFUSES_SQL = `ALTER TABLE growth.picky ADD CONSTRAINT picks CHECK (n <> ${REFUSED})`;
export const REFUSES_NO_MORE_SQL = 'ALTER TABLE growth.picky DROP CONSTRAINT IF EXISTS picks';

type Statement = (random: Random) => string;

const STATEMENTS: readonly Statement[] = [
  (random) => `INSERT INTO ${LOOSE} SELECT ${random.int(0, 4)}, 'same' FROM generate_series(1, ${random.int(1, 3)})`,
  (random) => `UPDATE ${LOOSE} SET note = note || '+' WHERE ctid IN (${someLoose(random)})`,
  (random) => `DELETE FROM ${LOOSE} WHERE ctid IN (${someLoose(random)})`,
  (random) => `INSERT INTO ${PICKY} VALUES (${random.int(1, 60)}, ${random.int(1, 12)})
    ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n`,
  (random) => `DELETE FROM ${PICKY} WHERE id = ${random.int(1, 60)}`,
  // By the columns that stay what they are.
  (random) => `INSERT INTO ${GROWS} (id) VALUES (${random.int(1, 60)}) ON CONFLICT (id) DO UPDATE SET n = grows.n + 1`,
  (random) => `DELETE FROM ${GROWS} WHERE id = ${random.int(1, 60)}`,
];

const someLoose = (random: Random) =>
  `SELECT ctid FROM ${LOOSE} WHERE n = ${random.int(0, 4)} LIMIT ${random.int(1, 3)}`;

export function specialStatement(random: Random): string {
  return random.pick(STATEMENTS)(random);
}
