import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { FerryError, toFerryError } from '../../core/errors.js';
import { readDatabaseBytes, readInventory } from './adapters/read-inventory.js';
import { runScript, type StatementResult } from './adapters/run-script.js';
import { type Assertion, checkExpectations, parseExpectations } from './expectations.js';
import { fileText } from './file-text.js';
import type { Layout } from './layout.js';
import { resetSession } from './run-migration.js';
import { oneByOne, type Part, readScript } from './script.js';
import { withoutTransactionControl } from './transaction-control.js';

export interface TestReport {
  readonly file: string;
  readonly ok: boolean;
  readonly assertions: readonly Assertion[];
}

/** `tests/v0.7.0_smoke_test.sql` */
export function testFile({ tests }: Layout, release: string): string {
  return join(tests, `v${release}_smoke_test.sql`);
}

export const hasTest = (layout: Layout, release: string): boolean => existsSync(testFile(layout, release));

/**
 * Runs a release's smoke test: each statement by itself, in one transaction that is rolled back. A statement that fails is
 * an assertion that does not hold, and so is a column of type boolean that is not true in a row, or has no row.
 * @throws FerryError `usage` when there is no such file, `config-invalid` when it cannot be read.
 */
export async function runSmokeTest(session: pg.Client, layout: Layout, release: string): Promise<TestReport> {
  const file = testFile(layout, release);
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new FerryError('usage', `there is no smoke test ${file}: ${cause.code}`, {
      remedy: `Write it; ferry db new NAME --version ${release} makes one to begin with.`,
      cause,
    });
  });
  const text = fileText(file, bytes);
  const expectations = parseExpectations(file, text);
  const script = withoutTransactionControl(await readScript(file, text), ['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK']);
  const found = { objects: await readInventory(session), bytes: await readDatabaseBytes(session) };
  const assertions = checkExpectations(expectations, found);
  await session.query('BEGIN');
  try {
    await session.query('SET LOCAL row_security = on');
    for (const part of script.parts.flatMap(oneByOne)) assertions.push(...(await tryPart(session, file, part)));
  } finally {
    await session.query('ROLLBACK').catch(() => {});
    await resetSession(session).catch(() => {});
  }
  return { file, ok: assertions.every(({ ok }) => ok), assertions };
}

async function tryPart(session: pg.Client, file: string, part: Part): Promise<Assertion[]> {
  const { line } = part;
  await session.query('SAVEPOINT ferry_assertion');
  try {
    const results = await runScript(session, { file, parts: [part] });
    const asserted = results.flatMap((result) => booleans(result, line));
    return asserted.length > 0 ? asserted : [{ name: `line ${line} runs`, line, ok: true }];
  } catch (error) {
    const { code, message } = toFerryError(error);
    if (code !== 'migration-failed') throw error;
    await session.query('ROLLBACK TO SAVEPOINT ferry_assertion');
    return [{ name: `line ${line} runs`, line, ok: false, message }];
  }
}

function booleans({ fields, rows }: StatementResult, line: number): Assertion[] {
  return fields
    .filter(({ dataTypeID }) => dataTypeID === BOOLEAN)
    .map(({ name }) => {
      const failing = rows.filter((row) => row[name] !== 't').length;
      if (rows.length === 0) return { name, line, ok: false, message: 'there is no row' };
      return failing === 0
        ? { name, line, ok: true }
        : { name, line, ok: false, message: `not in ${failing} of ${rows.length} rows` };
    });
}

/** The type's id, which is the same everywhere. */
const BOOLEAN = 16;
