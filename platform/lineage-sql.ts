import { LINEAGE_KEY, LINEAGE_SOURCE } from '../core/mapping.js';
import { displayName, type QualifiedName } from '../core/relation.js';
import { quoteIdentifier, quoteLiteral, quoteName } from './postgres.js';

/** A column of the target that takes values. */
export interface LineageColumn {
  readonly name: string;
  /** The type's operator for equality; null where `=` means it. */
  readonly equal: string | null;
  /** GENERATED ALWAYS AS IDENTITY: may be inserted, never updated. */
  readonly isIdentityAlways: boolean;
}

/** What decides which candidates stand in a target table. */
export interface LineagePlan {
  readonly target: QualifiedName;
  /** All candidates. */
  readonly candidates: QualifiedName;
  readonly columns: readonly LineageColumn[];
  /** Columns of the target's key. */
  readonly key: readonly string[];
  /** Columns in which candidates are one; empty where no two are. */
  readonly unique: readonly string[];
  /** Source tables, the one that has precedence first. */
  readonly sources: readonly string[];
}

/** What was written to the candidates: `all` stands for anything. */
export type LineageEvent = 'INSERT' | 'UPDATE' | 'DELETE' | 'all';

/** The column of a candidate that stands behind others for as long as the new project serves: nothing there brings it back. */
export const HIDDEN = 'ferry_hidden';
/** A setting: the target table whose rows or candidates are being written because the others were, which needs no answer. */
export const FOLLOWS = 'ferry.lineage';

/** Of a trigger, and what its function sets: it is not called for what it, or its counterpart, writes itself. */
export function unlessFollowing(target: QualifiedName): { readonly when: string; readonly set: string } {
  const name = quoteLiteral(displayName(target));
  return {
    when: `WHEN (pg_catalog.current_setting('${FOLLOWS}', true) IS DISTINCT FROM ${name})`,
    set: `SET ${FOLLOWS} = ${name}`,
  };
}

/** Names of the transition tables. */
export const OLD_ROWS = 'old_rows';
export const NEW_ROWS = 'new_rows';

const WRITTEN: Readonly<Record<Exclude<LineageEvent, 'all'>, readonly string[]>> = {
  INSERT: [NEW_ROWS],
  UPDATE: [OLD_ROWS, NEW_ROWS],
  DELETE: [OLD_ROWS],
};

/**
 * Statements that let the target table have what the candidates say, after something was written to them: first rows go,
 * then rows come. Of candidates that are one the first source table's stands, of one table's the first by key. The result
 * is a function of the candidates alone, whatever the order in which they were written.
 */
export class LineageSql {
  readonly #plan: LineagePlan;
  readonly #columns: ReadonlyMap<string, LineageColumn>;

  constructor(plan: LineagePlan) {
    this.#plan = plan;
    this.#columns = new Map(plan.columns.map((column) => [column.name, column]));
  }

  /** Rows whose candidate is gone, has others before it now, or is one with others than before. */
  removal(event: LineageEvent): string {
    const { target } = this.#plan;
    if (event === 'all') {
      return `WITH ${this.#standing(event)} DELETE FROM ${quoteName(target)} t
        WHERE NOT EXISTS (SELECT FROM winners w WHERE ${this.#equal('w', 't', this.#plan.key)})`;
    }
    return `WITH ${this.#standing(event)}, ${this.#lost(event)} DELETE FROM ${quoteName(target)} t USING lost l
      WHERE ${this.#isOf('t', 'l')} AND NOT EXISTS (SELECT FROM winners w WHERE ${this.#isOf('w', 't')})`;
  }

  /**
   * Rows that come or change. Gives one number: rows that came to the key of another one that they are not one with, which
   * are not written.
   */
  arrival(event: LineageEvent): string {
    const { target, key, unique } = this.#plan;
    const names = this.#names('');
    const first = quoteIdentifier(key[0]!);
    const isOne = unique.length > 0 ? `(${this.#equal('t', 'w', unique)}) IS TRUE OR ` : '';
    const isAlone = `pg_catalog.count(*) OVER (PARTITION BY ${key.map((name) => `w.${quoteIdentifier(name)}`).join(', ')}) = 1`;
    const told = [...new Set([...key, ...unique])].map(quoteIdentifier).join(', ');
    const own =
      event === 'all'
        ? { with: '', join: '', is: 'true' }
        : {
            with: `, ${this.#lost(event)}`,
            join: `LEFT JOIN (SELECT DISTINCT ${told} FROM lost) l ON ${this.#isOf('l', 't')}`,
            is: `l.${first} IS NOT NULL`,
          };
    return `WITH ${this.#standing(event)}${own.with},
      found AS (SELECT ${this.#names('w.')}, (${isOne}${own.is} OR t.${first} IS NULL) AND ${isAlone} AS ferry_is_own,
          t.${first} IS NULL OR ROW(${this.#names('t.')})::text COLLATE "C" <> ROW(${this.#names('w.')})::text COLLATE "C" AS ferry_differs
        FROM winners w LEFT JOIN ${quoteName(target)} t ON ${this.#equal('t', 'w', key)} ${own.join}),
      due AS MATERIALIZED (SELECT * FROM found WHERE ferry_differs OR NOT ferry_is_own),
      written AS (INSERT INTO ${quoteName(target)} (${names}) OVERRIDING SYSTEM VALUE
        SELECT ${names} FROM due WHERE ferry_is_own ${this.#onConflict()})
      SELECT pg_catalog.count(*) FROM due WHERE NOT ferry_is_own`;
  }

  /** How many candidates of a source table stand, and how many others are before; its one parameter is the table. */
  counts(): string {
    const ofSource = `WHERE c.${LINEAGE_SOURCE} = $1`;
    return `WITH ${this.#standing('all')}, own AS (SELECT pg_catalog.count(*) AS n FROM winners c ${ofSource})
      SELECT own.n, (SELECT pg_catalog.count(*) FROM ${quoteName(this.#plan.candidates)} c ${ofSource}) - own.n FROM own`;
  }

  /**
   * Rows of the target that are not as the candidates say: how many in all, missing, extra or different, the columns that
   * are, the row's key; both as JSON. Its parameters are a source table, whose candidates it is about, and whether it is
   * about rows of none, too.
   */
  differences(limit: number): string {
    const { target, key, columns } = this.#plan;
    const first = quoteIdentifier(key[0]!);
    const text = (alias: string, name: string) => `ROW(${alias}.${quoteIdentifier(name)})::text COLLATE "C"`;
    const differing = columns.map(
      ({ name }) => `CASE WHEN ${text('t', name)} <> ${text('w', name)} THEN ${quoteLiteral(name)} END`,
    );
    const keys = key.map((name) => `coalesce(t.${quoteIdentifier(name)}, w.${quoteIdentifier(name)})::text`);
    return `WITH ${this.#standing('all')}
      SELECT pg_catalog.count(*) OVER (),
             CASE WHEN t.${first} IS NULL THEN 'missing' WHEN w.${first} IS NULL THEN 'extra' ELSE 'different' END,
             pg_catalog.to_json(pg_catalog.array_remove(ARRAY[${differing.join(', ')}]::text[], NULL)),
             pg_catalog.json_build_array(${keys.join(', ')})
        FROM winners w FULL JOIN ${quoteName(target)} t ON ${this.#equal('w', 't', key)}
       WHERE (w.${LINEAGE_SOURCE} = $1 OR (w.${first} IS NULL AND $2::boolean))
         AND (t.${first} IS NULL OR w.${first} IS NULL
              OR ROW(${this.#names('t.')})::text COLLATE "C" <> ROW(${this.#names('w.')})::text COLLATE "C")
       LIMIT ${limit}`;
  }

  /**
   * Candidates that are one with a row, the one that stands first: source table, its key, the target's key; both as JSON.
   * Its parameters are the target's key, or the source table and its key as a candidate has it.
   */
  trace(side: 'source' | 'target'): string {
    const { target, candidates, key, unique } = this.#plan;
    const ofTarget = key.map(
      (name, i) => `s.${quoteIdentifier(name)} ${this.#columns.get(name)?.equal ?? '='} $${i + 1}`,
    );
    const start =
      side === 'target'
        ? `${quoteName(target)} s WHERE ${ofTarget.join(' AND ')}`
        : `${quoteName(candidates)} s WHERE s.${LINEAGE_SOURCE} = $1 AND s.${LINEAGE_KEY} = $2`;
    const same = this.#equal('c', 's', key);
    const isOne =
      unique.length > 0 ? `(${this.#equal('c', 's', unique)}) OR (NOT ${this.#isWhole('s')} AND ${same})` : same;
    const keys = key.map((name) => `c.${quoteIdentifier(name)}::text`);
    return `WITH s AS (SELECT s.* FROM ${start})
      SELECT c.${LINEAGE_SOURCE}, c.${LINEAGE_KEY}, pg_catalog.json_build_array(${keys.join(', ')})
        FROM s JOIN ${quoteName(candidates)} c ON ${isOne} ORDER BY ${this.order()}`;
  }

  /** Candidates that are in the way of a row, `row`, of the target: of its key, or one with it. */
  behind(row: string): string {
    const { key, unique } = this.#plan;
    const same = this.#equal('c', row, key);
    return `NOT c.${HIDDEN} AND (${unique.length > 0 ? `${same} OR (${this.#equal('c', row, unique)}) IS TRUE` : same})`;
  }

  /** Whether a candidate, `c`, may be the one of a row; of several the first in {@link order} is. */
  isOf(row: string): string {
    return `NOT c.${HIDDEN} AND ${this.#isOf('c', row)}`;
  }

  /** Whether two rows have the same key, and are one with the same. */
  isSame(one: string, other: string): string {
    return this.#isOf(one, other);
  }

  /** Whether two rows have the same values there; they do where there are no columns. */
  areEqual(one: string, other: string, columns: readonly string[]): string {
    return columns.length === 0 ? 'true' : this.#equal(one, other, columns);
  }

  /** Of candidates that are one the first stands. */
  order(): string {
    const ranks = `ARRAY[${this.#plan.sources.map(quoteLiteral).join(', ')}]::text[]`;
    return `pg_catalog.array_position(${ranks}, c.${LINEAGE_SOURCE}), c.${LINEAGE_SOURCE}, c.${LINEAGE_KEY}`;
  }

  /** The candidates that are one with what was written, and of these the winners; with `all` the winners of all. */
  #standing(event: LineageEvent): string {
    const { candidates, unique } = this.#plan;
    const from = quoteName(candidates);
    const identity = [LINEAGE_SOURCE, LINEAGE_KEY];
    const written = event === 'all' ? [] : WRITTEN[event].map((rows) => `SELECT * FROM ${rows}`);
    const own = `SELECT c.* FROM ${from} c JOIN (SELECT DISTINCT ${identity.join(', ')} FROM changed) x
      ON ${identity.map((name) => `c.${name} = x.${name}`).join(' AND ')}`;
    const changed = event === 'all' ? '' : `changed AS (${written.join(' UNION ALL ')}), `;
    if (unique.length === 0) {
      return `${changed}winners AS (${event === 'all' ? `SELECT c.* FROM ${from} c` : own})`;
    }
    const names = unique.map(quoteIdentifier);
    const groups = `SELECT c.* FROM ${from} c JOIN (SELECT DISTINCT ${names.join(', ')} FROM changed c WHERE ${this.#isWhole('c')}) g
      ON ${this.#equal('c', 'g', unique)}`;
    const touched =
      event === 'all' ? `SELECT c.* FROM ${from} c` : `${groups} UNION ALL ${own} WHERE NOT ${this.#isWhole('c')}`;
    const first = names.map((name) => `c.${name}`).join(', ');
    return `${changed}touched AS MATERIALIZED (${touched}),
      winners AS MATERIALIZED ((SELECT DISTINCT ON (${first}) c.* FROM touched c WHERE ${this.#isWhole('c')} ORDER BY ${first}, ${this.order()})
        UNION ALL SELECT c.* FROM touched c WHERE NOT ${this.#isWhole('c')})`;
  }

  /** Candidates whose rows may stand in the target and should not: as they were before, and those with others before them. */
  #lost(event: Exclude<LineageEvent, 'all'>): string {
    const { candidates, unique } = this.#plan;
    const before =
      event === 'INSERT' ? `SELECT * FROM ${quoteName(candidates)} WHERE false` : `SELECT * FROM ${OLD_ROWS}`;
    if (unique.length === 0) return `lost AS (${before})`;
    const isSame = `w.${LINEAGE_SOURCE} = c.${LINEAGE_SOURCE} AND w.${LINEAGE_KEY} = c.${LINEAGE_KEY}`;
    return `lost AS MATERIALIZED (${before} UNION ALL
      SELECT c.* FROM touched c WHERE NOT EXISTS (SELECT FROM winners w WHERE ${isSame}))`;
  }

  #onConflict(): string {
    const { columns, key } = this.#plan;
    const set = columns.flatMap(({ name, isIdentityAlways }) =>
      isIdentityAlways ? [] : [`${quoteIdentifier(name)} = EXCLUDED.${quoteIdentifier(name)}`],
    );
    const on = `ON CONFLICT (${key.map(quoteIdentifier).join(', ')})`;
    return set.length > 0 ? `${on} DO UPDATE SET ${set.join(', ')}` : `${on} DO NOTHING`;
  }

  #names(prefix: string): string {
    return this.#plan.columns.map(({ name }) => `${prefix}${quoteIdentifier(name)}`).join(', ');
  }

  /** Whether a row of the target is of a candidate: rows of one key may be of candidates that are not one. */
  #isOf(a: string, b: string): string {
    const { unique } = this.#plan;
    const same = unique.map((name) => {
      const [one, other] = [a, b].map((alias) => `${alias}.${quoteIdentifier(name)}`);
      return `(${this.#equal(a, b, [name])} OR (${one} IS NULL AND ${other} IS NULL))`;
    });
    return [this.#equal(a, b, this.#plan.key), ...same].join(' AND ');
  }

  #equal(a: string, b: string, names: readonly string[]): string {
    const each = names.map((name) => {
      const quoted = quoteIdentifier(name);
      return `${a}.${quoted} ${this.#columns.get(name)?.equal ?? '='} ${b}.${quoted}`;
    });
    return each.join(' AND ');
  }

  /** No null among the columns in which candidates are one. */
  #isWhole(alias: string): string {
    return `(${this.#plan.unique.map((name) => `${alias}.${quoteIdentifier(name)} IS NOT NULL`).join(' AND ')})`;
  }
}
