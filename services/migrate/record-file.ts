import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Operator } from './adapters/history.js';
import { keep } from './kept-file.js';
import type { Layout } from './layout.js';
import type { Migration } from './migration-set.js';
import { type RecordEntry, withEntry } from './record.js';

export function rollbackFile({ rollback }: Layout, { version }: Pick<Migration, 'version'>): string {
  return join(rollback, `${version}_rollback.sql`);
}

export function entryOf(
  { file, release, description }: Migration,
  operator: Operator,
  status: RecordEntry['status'],
): RecordEntry {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  return { file, release, description, status, at, environment: operator.environment, by: operator.name };
}

export async function updateRecord(layout: Layout, entry: RecordEntry): Promise<void> {
  await keep(layout.record, withEntry(await readRecord(layout), entry));
}

/** '' where there is none yet. */
export function readRecord({ record }: Layout): Promise<string> {
  return readFile(record, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}
