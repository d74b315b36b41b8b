import { z } from 'zod';
import type { FilePlace } from '../mapping.js';
import { parseYamlFile } from './yaml-file.js';

const sql = z.string().trim().min(1);

const readQueriesSchema = z.strictObject({
  queries: z
    .record(
      z.string().min(1),
      z.strictObject({
        source: sql.describe('The query as the old project has it.'),
        target: sql.describe('The same question to the new project: as many columns, in the same order.'),
        parameters: sql.optional().describe('A query of the source; each of its rows is $1, $2 ... of one sample.'),
        // A set unless the query says ORDER BY something unique: PostgreSQL gives rows in any order otherwise.
        ordered: z.boolean().default(false),
      }),
    )
    .refine((queries) => Object.keys(queries).length > 0, 'has no query'),
});

/** One question, in the words of both projects. */
export interface ReadQuery {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  /** SQL for the source that samples the parameters; without it there are none, and one sample. */
  readonly parameters?: string;
  /** The rows' order belongs to the answer. */
  readonly ordered: boolean;
  readonly place: FilePlace;
}

/**
 * Reads a file of queries, in its order.
 * @throws FerryError `config-invalid` listing every problem as file:line:column, or `env-missing`.
 */
export function parseReadQueries(
  file: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly ReadQuery[] {
  const parsed = parseYamlFile(file, text, readQueriesSchema, env);
  return Object.entries(parsed.value.queries).map(([name, query]) => ({
    name,
    ...query,
    place: parsed.placeOfKey(['queries', name]),
  }));
}
