import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { findDumper, SCHEMA_ARGUMENTS } from '../../../platform/pg-dump.js';
import { tidyDump } from '../../../platform/tidy-dump.js';
import type { SourceSchema } from '../make-schema.js';
import { readExtensionMembers } from './extension-members.js';

/** Dumps the schema of the source. @throws FerryError `not-ready` when no pg_dump fits the server. */
export async function dumpSource(session: pg.Client, url: string): Promise<SourceSchema> {
  const { rows } = await session.query<{ number: string }>("SELECT current_setting('server_version_num') AS number");
  const major = Math.floor(Number(rows[0]!.number) / 10_000);
  const dumper = await findDumper(url, major, { needs: 'ferry schema needs', otherwise: 'give a dump with --dump' });
  const dump = await dumper.dump([...SCHEMA_ARGUMENTS, '--no-owner', '--no-tablespaces']);
  return { origin: dumper.origin, dump, members: await readExtensionMembers(session) };
}

/** Reads a dump that somebody took. @throws FerryError `config-invalid` when it cannot be read. */
export async function readDumpFile(path: string): Promise<SourceSchema> {
  const dump = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FerryError('config-invalid', `cannot read ${path}: ${cause.code}`, { cause });
  });
  return { origin: path, dump: tidyDump(dump), members: new Map() };
}
