import { FerryError } from '../../../core/errors.js';
import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { quoteName } from '../../../platform/postgres.js';
import { type MappedPlan, planMapped } from '../verify/mapped-shape.js';
import type { Session, TextRow } from '../verify/session.js';
import { readTableCatalog, type TableCatalog } from '../verify/table-catalog.js';
import { readThrough } from './read-through.js';

/** What the mapping makes of rows of one table; nothing was written. */
export interface TableTest {
  /** `schema.table`. */
  readonly source: string;
  readonly target: string;
  /** Rows that were read, and those of them that `where` leaves out. */
  readonly rows: number;
  readonly filtered: number;
  /** Rows side by side; only with a sample. */
  readonly samples: readonly TestedRow[];
  /** The first {@link MAX_PROBLEMS} rows that halt the pipeline. */
  readonly problems: readonly Problem[];
  readonly problemsTotal: number;
}

export interface TestedRow {
  /** Texts by column. */
  readonly source: Readonly<Record<string, string | null>>;
  /** As the target would show them; null for a row that does not move. */
  readonly target: Readonly<Record<string, string | null>> | null;
}

/** A row that a rule or the target's type refuses. */
export interface Problem {
  /** `id = 7`. */
  readonly key: string;
  /** Of the target. */
  readonly column: string;
  readonly message: string;
}

export const MAX_PROBLEMS = 100;
const FETCH_ROWS = 1_000;

export interface TestOptions {
  /** Rows to show; all are read, and none is shown, without it. */
  readonly sample?: number;
  /** What rules compute with. */
  readonly kit: RuleKit;
}

/**
 * Sends rows of a source table through its mapping and the target's types.
 * @throws FerryError `mapping-invalid` for rules that do not fit, `source-unfit` or `target-unfit` for what is missing.
 */
export async function testTable(
  sessions: { readonly source: Session; readonly target: Session },
  mapping: TableMapping,
  { sample, kit }: TestOptions,
): Promise<TableTest> {
  const source = await readTableCatalog(sessions.source, mapping.source);
  const target = await readTableCatalog(sessions.target, mapping.target);
  const tester = new TableTester(
    sessions.target,
    planMapped(mapping, { source, target }, kit),
    source,
    await readNotNull(sessions.target, target),
  );
  const select = `SELECT ${tester.plan.source.join(', ')} FROM ${source.only ? 'ONLY ' : ''}${quoteName(source.name)} AS t`;
  if (sample !== undefined) {
    await tester.take(await sessions.source.read({ text: `${select} LIMIT $1`, values: [sample] }), true);
  } else {
    for await (const rows of readAll(sessions.source, select)) await tester.take(rows, false);
  }
  return { source: displayName(mapping.source), target: displayName(mapping.target), ...tester.result() };
}

/** All rows of a query, some at a time, in one snapshot. */
async function* readAll(session: Session, select: string): AsyncGenerator<TextRow[]> {
  const run = (text: string) => session.read({ text, values: [] });
  await run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await run(`DECLARE tested NO SCROLL CURSOR FOR ${select}`);
    for (let rows = await run(`FETCH ${FETCH_ROWS} FROM tested`); rows.length > 0; ) {
      yield rows;
      rows = await run(`FETCH ${FETCH_ROWS} FROM tested`);
    }
  } finally {
    await run('ROLLBACK');
  }
}

async function readNotNull(session: Session, { name }: TableCatalog): Promise<Set<string>> {
  const rows = await session.read({
    text: `SELECT attname FROM pg_catalog.pg_attribute
            WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND attnotnull AND NOT attisdropped`,
    values: [quoteName(name)],
  });
  return new Set(rows.map(([column]) => column!));
}

class TableTester {
  readonly plan: MappedPlan;
  readonly #target: Session;
  readonly #columns: readonly { readonly name: string; readonly isKey: boolean }[];
  readonly #notNull: ReadonlySet<string>;
  readonly #samples: TestedRow[] = [];
  readonly #problems: Problem[] = [];
  #rows = 0;
  #filtered = 0;
  #problemsTotal = 0;

  constructor(target: Session, plan: MappedPlan, source: TableCatalog, notNull: ReadonlySet<string>) {
    this.#target = target;
    this.plan = plan;
    this.#columns = source.columns
      .filter(({ generated }) => !generated)
      .map(({ name, keyPlace }) => ({ name, isKey: keyPlace !== undefined }));
    this.#notNull = notNull;
  }

  async take(rows: readonly TextRow[], isShown: boolean): Promise<void> {
    this.#rows += rows.length;
    const mapped: { row: TextRow; values: (string | null)[] }[] = [];
    for (const row of rows) {
      const values = this.#map(row);
      if (values) mapped.push({ row, values });
      else if (isShown && values === undefined) this.#samples.push({ source: this.#named(row), target: null });
    }
    const read = await readThrough(
      this.#target,
      this.plan,
      mapped.map(({ values }) => values),
    );
    for (const [i, { row }] of mapped.entries()) {
      const found = read[i]!;
      if ('problem' in found) this.#problem(row, found.problem);
      else if (this.#refuseNulls(row, found.values) && isShown) {
        const target = Object.fromEntries(this.plan.columns.map((name, at) => [name, found.values[at]!]));
        this.#samples.push({ source: this.#named(row), target });
      }
    }
  }

  result(): Omit<TableTest, 'source' | 'target'> {
    return {
      rows: this.#rows,
      filtered: this.#filtered,
      samples: this.#samples,
      problems: this.#problems,
      problemsTotal: this.#problemsTotal,
    };
  }

  /** @returns undefined for a row that does not move, null for one that a rule refuses. */
  #map(row: TextRow): (string | null)[] | null | undefined {
    try {
      const values = this.plan.mapper.whole(row);
      if (!values) this.#filtered++;
      return values && this.plan.compared.map((i) => values[i]!);
    } catch (error) {
      if (!(error instanceof FerryError) || error.code !== 'mapping-refused') throw error;
      this.#problem(row, { column: String(error.details.column), message: error.message });
      return null;
    }
  }

  #refuseNulls(row: TextRow, values: readonly (string | null)[]): boolean {
    const at = values.findIndex((value, i) => value === null && this.#notNull.has(this.plan.columns[i]!));
    if (at >= 0)
      this.#problem(row, { column: this.plan.columns[at]!, message: 'the column is NOT NULL, and the value is null' });
    return at < 0;
  }

  #problem(row: TextRow, { column, message }: { readonly column: string; readonly message: string }): void {
    this.#problemsTotal++;
    if (this.#problems.length >= MAX_PROBLEMS) return;
    const key = this.#columns.flatMap(({ name, isKey }, i) => (isKey ? [`${name} = ${row[i]}`] : [])).join(', ');
    this.#problems.push({ key, column, message });
  }

  #named(row: TextRow): Record<string, string | null> {
    return Object.fromEntries(this.#columns.map(({ name }, i) => [name, row[i]!]));
  }
}
