import { expect, test } from 'vitest';
import { parsePipeline } from '../../../core/config/pipeline.js';
import { uniqueIndex } from '../../../test/support/unique-index.js';
import type { CatalogTable } from '../preflight/catalog.js';
import type { AssignedTable } from './assign-tables.js';
import { mappingFile, renderMapping } from './render-mapping.js';
import { renderPipeline } from './render-pipeline.js';

const key = uniqueIndex({ primary: true });

function assigned(source: { schema: string; table: string }, target: { schema: string; table: string }): AssignedTable {
  const table = { ...source, oid: 7, identity: 'd', estimatedRows: 1234, columns: [], uniqueIndexes: [key] };
  return { source: table as unknown as CatalogTable, target };
}

test('what is written is what is read, whatever the names are', () => {
  const tables = [
    assigned({ schema: 'public', table: 'users' }, { schema: 'true', table: 'null' }),
    assigned({ schema: 'my.app', table: `a "b" \${HOME}\n# c` }, { schema: 'true', table: '- x: "y"\n' }),
    assigned({ schema: 'public', table: '123' }, { schema: 'true', table: '123' }),
  ];
  const left = [{ table: 'public.v', reason: 'a view', schema: 'true' }];
  const text = renderMapping('true', { tables, left, bytes: new Map([[7, 8192]]) });
  const pipeline = parsePipeline(
    {
      pipeline: { path: 'pipeline.yaml', text: renderPipeline({ name: 'mine', brokers: 'a:1,b:2', left: [] }) },
      mappings: [{ path: 'mapping/true.yaml', text }],
    },
    { SOURCE_URL: 'postgres://source', TARGET_URL: 'postgres://target' },
  );
  expect(pipeline).toMatchObject({
    name: 'mine',
    source: { url: 'postgres://source' },
    target: { url: 'postgres://target' },
    log: { brokers: ['a:1', 'b:2'] },
  });
  const names = ({ schema, table }: { schema: string; table: string }) => ({ schema, table });
  const byTable = (a: { target: { table: string } }, b: { target: { table: string } }) =>
    a.target.table < b.target.table ? -1 : 1;
  expect(pipeline.tables.map(({ source, target }) => ({ source, target })).sort(byTable)).toEqual(
    tables.map(({ source, target }) => ({ source: names(source), target })).sort(byTable),
  );
  expect(text).toContain('# about 1,234 rows, 8.0 KiB, key (id)');
  expect(text).toContain('#   public.v: a view');
});

test('without brokers the environment chooses, and URLs are never written', () => {
  const text = renderPipeline({ name: 'mine', brokers: undefined, left: [{ table: 'a.b', reason: 'not mapped' }] });
  expect(text).toContain(`url: \${SOURCE_URL}`);
  expect(text).toContain(`brokers: \${KAFKA_BROKERS:-}`);
  expect(text).toContain('#   a.b: not mapped');
});

test('a schema name that no file can have is spelled out', () => {
  expect(mappingFile('my app/é')).toBe('mapping/my_x20_app_x2f__xe9_.yaml');
});
