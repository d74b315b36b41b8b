import { join } from 'node:path';
import type { TableMapping } from '../../core/mapping.js';
import type { Finding } from '../../core/schema/finding.js';
import { generateSchema } from '../../core/schema/generate-schema.js';
import { type MigrationFile, migrationFiles } from '../../core/schema/migration-files.js';
import type { PlacementChoices } from '../../core/schema/placement.js';
import { loadGrammar } from '../../platform/sql-grammar.js';
import { readDump } from './read-dump.js';
import { type Placed, placedOf, reportText } from './report.js';
import { type GeneratedFile, writeGenerated } from './write-files.js';

export interface SourceSchema {
  /** Where it comes from, for errors. */
  readonly origin: string;
  /** A schema-only dump. */
  readonly dump: string;
  /** What extensions have made: class and name, as JSON, -> schema. */
  readonly members: ReadonlyMap<string, string>;
}

export interface MadeSchema {
  readonly folder: string;
  readonly files: readonly Omit<MigrationFile, 'text'>[];
  /** Paths of what was not there before. */
  readonly written: readonly string[];
  readonly findings: readonly Finding[];
  readonly placed: readonly Placed[];
}

export interface SchemaWishes {
  readonly tables: readonly TableMapping[];
  readonly choices: PlacementChoices;
  /** Folder below which `migrations/` is written. */
  readonly folder: string;
}

/**
 * Makes the target's schema out of the source's: migrations, the dump that they were made of, and what a person has to
 * see to.
 * @throws FerryError `config-invalid` for a dump that is none, `usage` for files that are there and differ.
 */
export async function makeSchema(source: SourceSchema, { tables, choices, folder }: SchemaWishes): Promise<MadeSchema> {
  const grammar = await loadGrammar();
  const statements = readDump(source.origin, source.dump, grammar);
  const { written, findings, notes } = generateSchema(
    { statements, mappings: tables, choices, members: source.members },
    grammar,
  );
  const files = migrationFiles(written);
  const placed = notes.map(placedOf);
  const generated: GeneratedFile[] = [
    ...files.map(({ name, text }) => ({ path: join('migrations', name), text })),
    { path: 'source-schema.sql', text: source.dump },
    { path: 'SCHEMA.md', text: reportText(findings, placed) },
  ];
  return {
    folder,
    files: files.map(({ text: _text, ...file }) => file),
    written: await writeGenerated(folder, generated),
    findings,
    placed,
  };
}
