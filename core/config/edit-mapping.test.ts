import { expect, test } from 'vitest';
import { newMappingFile, schemaOf, withMappingVersion, withoutTable, withTable } from './edit-mapping.js';
import { mappingSchema } from './schema.js';
import { parseYamlFile } from './yaml-file.js';

const FILE = {
  path: 'mapping/growth.yaml',
  text: `# The domain schema growth.
schema: growth # of the growth team
tables:
  # about 12 rows
  artifacts:
    from: public.artifacts
    rename: {author: author_id} # as the team calls it

  # about 40 rows
  "odd: name":
    from: '"my.schema".t'
# Not moved: audit
`,
};
const source = { schema: 'public', table: 'orders' };
const target = { schema: 'growth', table: 'orders' };
const parsed = ({ path, text }: { path: string; text: string }) => parseYamlFile(path, text, mappingSchema, {}).value;

test('a table joins behind the others, and comments stay', () => {
  const { text } = withTable(FILE, { source, target, rename: { a: 'b' } });
  const [before, after] = FILE.text.split('# Not moved');
  expect(text.startsWith(before!.trimEnd())).toBe(true);
  expect(text.trimEnd().endsWith(`# Not moved${after!.trimEnd()}`)).toBe(true);
  expect(parsed({ ...FILE, text }).tables.orders).toEqual({ from: 'public.orders', rename: { a: 'b' } });
});

test('one is taken out with what stands above it, and comments of others stay', () => {
  const { text } = withoutTable(FILE, 'odd: name');
  expect(text).not.toContain('about 40 rows');
  for (const comment of ['of the growth team', 'about 12 rows', 'as the team calls it', 'Not moved: audit']) {
    expect(text).toContain(comment);
  }
  expect(Object.keys(parsed({ ...FILE, text }).tables)).toEqual(['artifacts']);
  const last = withoutTable({ ...FILE, text }, 'artifacts');
  expect(parsed(last)).toEqual({ schema: 'growth', tables: {} });
  expect(Object.keys(parsed(withTable(last, { source, target, rename: {} })).tables)).toEqual(['orders']);
});

test('the version of the mapping is raised, and comments stay', () => {
  const file = { path: 'pipeline.yaml', text: 'pipeline: mine # ours\nsource: {url: "${SOURCE_URL}"}\n' };
  const raised = withMappingVersion(file, 2);
  expect(raised.text).toBe(`${file.text}mappingVersion: 2\n`);
  expect(withMappingVersion(raised, 2)).toBe(raised);
  expect(withMappingVersion(raised, 3).text).toBe(`${file.text}mappingVersion: 3\n`);
});

test.each(['my.schema', '"quoted"', 'a${b}', '- x', 'null', '1e3', 'ünï', "it's: #1"])(
  'whatever the names are: %s',
  (name) => {
    const odd = { schema: name, table: name };
    const file = withTable(newMappingFile('m.yaml', name), {
      source: odd,
      target: odd,
      rename: { [name]: `${name}2` },
    });
    const value = parsed(file);
    expect(value.schema).toBe(name);
    expect(Object.keys(value.tables)).toEqual([name]);
    expect(Object.values(value.tables)[0]!.rename).toEqual({ [name]: `${name}2` });
  },
);

test('a file may be written as JSON', () => {
  const json = {
    path: 'm.yaml',
    text: JSON.stringify({ schema: 'growth', tables: { a: { from: 'public.a' } } }, null, 2),
  };
  const { text } = withTable(json, { source, target, rename: {} });
  expect(Object.keys(parsed({ ...json, text }).tables)).toEqual(['a', 'orders']);
  expect(schemaOf(json)).toBe('growth');
});
