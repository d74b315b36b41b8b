import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import { likePairs } from '../../../core/inspect/near-duplicates.js';
import { propose } from '../../../core/inspect/proposal.js';
import type { Reference, TableFacts } from '../../../core/inspect/table-facts.js';
import { uuidV5 } from '../../../core/mapping/uuid-v5.js';
import { mergedWith } from '../../../core/mapping.js';
import { ruleKit } from '../../../platform/rule-kit.js';
import { configFiles } from '../init/config-files.js';
import type { CatalogTable } from '../preflight/catalog.js';
import { assignProposal, commentsOf } from './assign-proposal.js';

const namespaceOf = uuidV5('6f1c8c0e-3a52-4f0b-9a3e-5f0d0c8f2b71', ruleKit);

function catalogTable({ schema, table, columns, key, isFull }: TableFacts, oid: number): CatalogTable {
  const index = { primary: true, replicaIdentity: false, immediate: true, plain: true };
  return {
    ...{ schema, table, oid, kind: 'r', persistence: 'p', identity: isFull ? 'f' : 'd', estimatedRows: 7 },
    ...{ partitionOf: null, hasInheritingTables: false, extension: null },
    columns: columns.map(({ name, type, isGenerated }) => ({
      name,
      typeText: type,
      generated: isGenerated ? 's' : '',
    })),
    uniqueIndexes: key.length > 0 ? [{ name: 'k', columns: key, ...index }] : [],
  } as unknown as CatalogTable;
}

/** What inspect writes of a database, as the pipeline that it is. */
function written(tables: readonly TableFacts[], references: readonly Reference[]) {
  const pairs = likePairs(tables, references);
  const taken = new Set(['public']);
  const proposal = propose({ tables, references, pairs, samples: new Map(), taken, namespaceOf });
  const assignment = assignProposal(proposal, tables.map(catalogTable));
  const comments = commentsOf(proposal, assignment);
  const [pipeline, ...mappings] = configFiles({ name: 'mine', assignment, bytes: new Map(), ...comments });
  const env = { SOURCE_URL: 'postgres://source', TARGET_URL: 'postgres://target' };
  const read = () => parsePipeline({ pipeline: pipeline!, mappings }, env);
  return { proposal, assignment, text: mappings.map(({ text }) => text).join('\n'), read };
}

const word = fc.constantFrom('api_keys', 'orders', 'api_keys_v2', 'orders_old', 'order keys', 'x${y}');
const column = fc.record({
  name: fc.constantFrom('id', 'user_id', 'name', 'status', 'created_at', 'key_hash', 'keyHash', 'origin', 'a: "b"'),
  type: fc.constantFrom(
    'uuid',
    'integer',
    'bigint',
    'text',
    'character varying(20)',
    'boolean',
    'json',
    'jsonb',
    'text[]',
  ),
  isGenerated: fc.boolean(),
  default: fc.option(fc.constantFrom("'a'::text", 'now()', '0', 'true'), { nil: undefined }),
});
const table = fc
  .record({
    schema: fc.constantFrom('public', 'maas'),
    table: word,
    columns: fc.uniqueArray(column, { selector: ({ name }) => name, minLength: 2, maxLength: 7 }),
    rows: fc.option(fc.nat(1000)),
    isFull: fc.boolean(),
    keyed: fc.nat(2),
    uniqued: fc.nat(2),
  })
  .map(({ keyed, uniqued, ...facts }): TableFacts => {
    const plain = facts.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
    return {
      ...facts,
      name: `${facts.schema}.${facts.table}`,
      key: plain.slice(0, keyed),
      uniques: uniqued > 0 && plain.length > 1 ? [plain.slice(1, 1 + uniqued)] : [],
    };
  });
const database = fc.uniqueArray(table, { selector: ({ name }) => name, minLength: 2, maxLength: 6 }).chain((tables) =>
  fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }).map((edges) => ({
    tables,
    references: edges.map(([a, b]): Reference => {
      const [from, to] = [tables[a % tables.length]!, tables[b % tables.length]!];
      return { from: from.name, to: to.name, columns: [from.columns[0]!.name], refersTo: [to.columns[0]!.name] };
    }),
  })),
);

test('whatever the tables are: what is written loads, and each table goes to one place with its columns', () => {
  let merged = 0;
  fc.assert(
    fc.property(database, ({ tables, references }) => {
      const { proposal, assignment, read } = written(tables, references);
      if (assignment.tables.length === 0) return;
      const pipeline = read();
      expect(pipeline.tables.map(({ source }) => `${source.schema}.${source.table}`).sort()).toEqual(
        assignment.tables.map(({ source }) => `${source.schema}.${source.table}`).sort(),
      );
      for (const merge of proposal.merges) {
        const own = pipeline.tables.filter(({ source }) => merge.tables.includes(`${source.schema}.${source.table}`));
        const isMovable = own.length === merge.tables.length;
        if (!merge.mapping || !isMovable) continue;
        merged++;
        expect(mergedWith(pipeline.tables, own[0]!)).toHaveLength(own.length);
        // In the order of precedence.
        expect(mergedWith(pipeline.tables, own[0]!).map(({ source }) => `${source.schema}.${source.table}`)).toEqual(
          merge.tables,
        );
        for (const { lineage } of own) expect(lineage!.unique).toEqual(merge.mapping.unique);
      }
    }),
    { numRuns: 400 },
  );
  expect(merged).toBeGreaterThan(5);
});

test('a merge of which a table cannot move is a comment with the reason', () => {
  const facts = (name: string, key: string[]): TableFacts => {
    const columns = ['id', 'name', 'key_hash', 'note'].map((one) => ({
      name: one,
      type: one === 'id' ? 'uuid' : 'text',
    }));
    return { schema: 'public', table: name, name: `public.${name}`, columns, key, rows: 1 };
  };
  const { text, read } = written([facts('api_keys', ['id']), facts('api_keys_old', [])], []);
  expect(read().tables).toHaveLength(1);
  expect(text).toContain('Each moves by itself here: public.api_keys_old has no key');
});
