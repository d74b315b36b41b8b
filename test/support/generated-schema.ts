import { parsePipeline } from '../../core/config/pipeline.js';
import type { Finding } from '../../core/schema/finding.js';
import { generateSchema } from '../../core/schema/generate-schema.js';
import type { Phase } from '../../core/schema/phase.js';
import { loadGrammar } from '../../platform/sql-grammar.js';
import { readDump } from '../../services/schema/read-dump.js';

export interface Generated {
  /** Statements of a file. */
  of(phase: Phase): string[];
  /** All statements. */
  readonly sql: string;
  readonly findings: readonly Finding[];
  readonly placed: Readonly<Record<string, string>>;
}

/** Domain schema -> target table -> an entry of the mapping. */
export type Domains = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** What `ferry schema` makes of a dump. @param choices `schema` of pipeline.yaml. */
export async function generated(dump: string, domains: Domains, choices: object = {}): Promise<Generated> {
  const url = 'postgres://localhost/db';
  const pipeline = parsePipeline(
    {
      pipeline: {
        path: 'pipeline.yaml',
        text: JSON.stringify({ pipeline: 'test', source: { url }, target: { url }, schema: choices }),
      },
      mappings: Object.entries(domains).map(([schema, tables]) => ({
        path: `mapping/${schema}.yaml`,
        text: JSON.stringify({ schema, tables }),
      })),
    },
    {},
  );
  const grammar = await loadGrammar();
  const { written, findings, notes } = generateSchema(
    {
      statements: readDump('dump.sql', dump, grammar),
      mappings: pipeline.tables,
      choices: pipeline.schema,
      members: new Map([
        [JSON.stringify(['routine', 'digest']), 'extensions'],
        [JSON.stringify(['operator', '<=>']), 'extensions'],
      ]),
    },
    grammar,
  );
  return {
    of: (phase) => written.filter((one) => one.phase === phase).map(({ sql }) => sql),
    sql: written.map(({ sql }) => sql).join(';\n'),
    findings,
    placed: Object.fromEntries(notes.map(({ object, to }) => [object.place.name, `${to.schema}.${to.name}`])),
  };
}
