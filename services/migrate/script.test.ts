import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readScript } from './script.js';
import { refuseTransactionControl, withoutTransactionControl } from './transaction-control.js';

const read = (text: string) => readScript('1_a.sql', text);
const failure = (text: string) => read(text).then(String, (error: Error) => error.message);

describe('a script', () => {
  test('is one message, with each of its statements where it stands', async () => {
    const text = `-- é 🚢\nCREATE TABLE "é🚢" (a int);\n\nDO $$ BEGIN RAISE NOTICE 'from stdin;'; END $$;\n/* last */`;
    const { parts } = await read(text);
    expect(parts).toHaveLength(1);
    expect(parts[0]!.statements.map(({ kind, start, end }) => [kind, text.slice(start, end)])).toEqual([
      ['CreateStmt', 'CREATE TABLE "é🚢" (a int)'],
      ['DoStmt', "DO $$ BEGIN RAISE NOTICE 'from stdin;'; END $$"],
    ]);
  });

  test('gives COPY its rows', async () => {
    const text = [
      'CREATE TABLE t (a text);',
      'COPY public.t (a) FROM stdin;',
      "it's -- from stdin;",
      '\\N',
      '\\.',
      '',
      "COPY t FROM STDIN\n  WITH (FORMAT csv, DELIMITER ';');",
      '"x',
      'y"',
      '\\.',
      'SELECT 1;',
    ].join('\n');
    const { parts } = await read(text);
    expect(parts.map(({ sql, line, data }) => [sql.trim().split(' ')[0], line, data])).toEqual([
      ['CREATE', 1, undefined],
      ['COPY', 2, "it's -- from stdin;\n\\N\n"],
      ['COPY', 7, '"x\ny"\n'],
      ['SELECT', 12, undefined],
    ]);
  });

  test('leaves alone what only looks like COPY', async () => {
    const text = `-- COPY t FROM stdin;\nSELECT 'COPY t FROM stdin;\n';\nCREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'from stdin;
' $$;`;
    const { parts } = await read(text);
    expect(parts.map(({ data, statements }) => [data, statements.length])).toEqual([[undefined, 2]]);
  });

  test.each([
    ['\\set x 1\nSELECT 1;', '1_a.sql:1: \\set is a command of psql'],
    ['SELECT 1;\n  \\gset\n', '1_a.sql:2: \\gset is a command of psql'],
    ["SELECT 'é🚢\n' \\gexec", '1_a.sql:2: \\gexec is a command of psql'],
    ['SELECT 1;\n\\restrict abc\nCOPY t FROM stdin;\n1\n\\.\n', '1_a.sql:2: \\restrict is a command of psql'],
    ['COPY t FROM stdin;\n1\n\\.\n\\.\n', '1_a.sql:4: \\. is a command of psql'],
    ["SELECT 1;\n\n-- é🚢\nSELEC '1';", '1_a.sql:4: syntax error at or near "SELEC"'],
    ["SELECT 'abc", '1_a.sql:1: unterminated quoted string'],
    ['COPY t FROM stdin;\n1\n2\n', '1_a.sql:2: the rows of COPY have no end'],
  ])('%j: %s', async (text, message) => {
    expect(await failure(text)).toContain(message);
  });

  test.each(['', '\n', '-- nothing\n', '/* */'])('%j has nothing to run', async (text) => {
    expect((await read(text)).parts).toEqual([]);
  });

  test('rows of COPY come through whole, whatever they hold', async () => {
    const row = fc.string({ unit: fc.constantFrom('a', "'", '$', ';', '-', '/', '*', '\t', ' ', 'FROM stdin;', 'é') });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
        const data = rows.map((one) => `${one}\n`).join('');
        const { parts } = await read(`SELECT 1;\nCOPY t FROM stdin;\n${data}\\.\nSELECT 2;\n`);
        expect(parts.map((part) => part.data)).toEqual([undefined, data, undefined]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('transaction control', () => {
  test('BEGIN and COMMIT around a file are taken out, and nothing moves', async () => {
    const text = '-- x\nBEGIN;\nSELECT 1;\nCOPY t FROM stdin;\n1\n\\.\nSELECT 2;\nCOMMIT ;\n';
    const { parts } = withoutTransactionControl(await read(text));
    expect(parts.map(({ sql, statements }) => [sql, statements.map(({ kind }) => kind)])).toEqual([
      ['-- x\n      \nSELECT 1;\n', ['SelectStmt']],
      ['COPY t FROM stdin;\n', ['CopyStmt']],
      ['SELECT 2;\n        \n', ['SelectStmt']],
    ]);
  });

  test('savepoints stay', async () => {
    const script = await read('SAVEPOINT a; ROLLBACK TO a; RELEASE a;');
    expect(withoutTransactionControl(script)).toBe(script);
  });

  test.each([
    ['SELECT 1;\nCOMMIT;\nSELECT 2;', '1_a.sql:2: COMMIT'],
    ['BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;', '1_a.sql:3: COMMIT'],
    ['BEGIN;\nCOMMIT;\nBEGIN;\nCOMMIT;', '1_a.sql:2: COMMIT'],
    ['BEGIN;\nSELECT 1;', '1_a.sql:1: BEGIN'],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT', '1_a.sql:1: BEGIN ISOLATION'],
    ['BEGIN;\nSELECT 1;\nROLLBACK;', '1_a.sql:3: ROLLBACK'],
  ])('%j is refused', async (text, message) => {
    const script = await read(text);
    expect(() => withoutTransactionControl(script)).toThrow(message);
    expect(() => refuseTransactionControl(script)).toThrow('no-transaction');
  });
});
