import { describe, expect, test } from 'vitest';
import { mappedSides, sideTable } from '../../test/support/mapped-sides.js';
import { followingOf } from './invert/lineage-back.js';
import { formatOneWay } from './invert/one-way.js';
import type { SideTable } from './invert/sides.js';
import { invertMappings } from './invert.js';

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

function invert(mapping: Readonly<Record<string, string>>, tables: Readonly<Record<string, SideTable>>) {
  const { tables: back, oneWay } = invertMappings(mappedSides(mapping, tables));
  return { back, oneWay: oneWay.map((one) => `${one.level} ${formatOneWay(one)}`) };
}

/** Of one table that moves from public.t to growth.t. */
function invertTable(mapping: string, source: SideTable, target: SideTable) {
  return invert({ growth: `  t: ${mapping}\n` }, { 'public.t': source, 'growth.t': target });
}

describe('a table that comes back whole', () => {
  test('moves as bytes, renamed again', () => {
    const { back, oneWay } = invertTable(
      '{from: public.t, rename: {joined: joined_on}}',
      sideTable('id* int4, joined date, size int4~'),
      sideTable('id* int4, joined_on date, size int4~'),
    );
    expect(oneWay).toEqual([]);
    expect(back).toEqual([
      {
        source: { schema: 'growth', table: 't' },
        target: { schema: 'public', table: 't' },
        rename: new Map([['joined_on', 'joined']]),
        place: expect.objectContaining({ line: 3 }),
        columnPlaces: new Map([
          ['id', expect.objectContaining({ line: 3 })],
          ['joined_on', { file: 'mapping/growth.yaml', line: 3, column: 32 }],
        ]),
      },
    ]);
  });

  test('what rules made is undone by rules', () => {
    const { back, oneWay } = invertTable(
      `{from: public.t, drop: [kind, path, n], columns: {
         role: {from: kind, steps: [{map: {a: admin, m: member}}]}, file: {template: "growth/{path}"}, n_text: {from: n, cast: text}}}`,
      sideTable('id* int4, kind enum(a,m)!, path text, n int4'),
      sideTable('id* int4, role enum(admin,member)!, file text, n_text text'),
    );
    expect(back[0]!.rename).toEqual(new Map([['n_text', 'n']]));
    expect(back[0]!.rules).toMatchObject({ pick: ['id', 'n_text'], drop: [] });
    expect([...back[0]!.rules!.columns]).toEqual([
      ['kind', { from: 'role', steps: [{ map: { admin: 'a', member: 'm' } }] }],
      ['path', { from: 'file', steps: [{ prefix: '\0' }, { replace: { '\0growth/': '', '\0': '' } }] }],
    ]);
    expect(oneWay).toEqual([
      'values mapping/growth.yaml:4:69: not every value of growth.t.file comes back as it is: one that does not begin with "growth/" comes back as it is',
      'values mapping/growth.yaml:4:104: not every value of growth.t.n_text comes back as it is: n is int4, which refuses or rounds what it does not hold',
    ]);
  });

  test('and what is text in the new project says of which type it is in the old one', () => {
    const { back } = invertTable(
      '{from: public.t, drop: [n, m], columns: {no: {from: n, steps: [{prefix: "#"}], cast: text}, m: {from: m, steps: [{default: "?"}], cast: text}}}',
      sideTable('id* int4, n int4!, m int4'),
      sideTable('id* int4, no text, m text'),
    );
    expect([...back[0]!.rules!.columns].map(([name, { steps, cast }]) => [name, steps!.length, cast])).toEqual([
      ['n', 2, 'int4'],
      ['m', 1, 'int4'],
    ]);
  });

  test('of a table without a key only as it is', () => {
    const [source, target] = [sideTable('at date, line text', 'f'), sideTable('at date, line text', 'f')];
    expect(invertTable('{from: public.t}', source, target)).toMatchObject({
      back: [{ rename: new Map() }],
      oneWay: [],
    });
    expect(invertTable('{from: public.t}', source, sideTable('at date, line text, more text', 'f')).oneWay).toEqual([
      'table mapping/growth.yaml:3:3: nothing written to growth.t comes back to public.t: growth.t -> public.t: a table without a key moves as it is, without rules',
    ]);
    expect(invertTable('{from: public.t}', source, sideTable('at date, line text')).oneWay).toEqual([
      'table mapping/growth.yaml:3:3: nothing written to growth.t comes back to public.t: nothing tells the rows of growth.t apart, and PostgreSQL would refuse to change them once they are published (unless it has REPLICA IDENTITY FULL)',
    ]);
    expect(invertTable('{from: public.t}', source, sideTable('at* date, line text')).oneWay).toEqual([
      'table mapping/growth.yaml:3:3: nothing written to growth.t comes back to public.t: public.t has no key by which its rows are found',
    ]);
  });
});

describe('a table that comes back without some columns', () => {
  test('new ones, made ones, and old ones that nothing fills', () => {
    const { back, oneWay } = invertTable(
      `{from: public.t, drop: [secret, rank], columns: {
         origin: {constant: old}, full: {concat: [first, last], separator: " "}, initials: {call: f, args: [first]},
         mail: {from: mail, steps: [trim, lower]}, at: {from: at, cast: date       }, copy: {from: first}}}`,
      sideTable('id* int4, first text, last text, mail text!, at timestamp, secret text!, rank int4!='),
      sideTable(
        'id* int4, origin text, full text, initials text, mail text, at date, copy text, plan text, first text, last text',
      ),
    );
    expect(back[0]!.rules!.pick).toEqual(['id', 'first', 'last']);
    const place = (column: number, line = 5) => `mapping/growth.yaml:${line}:${column}`;
    expect(oneWay).toEqual([
      `column ${place(10, 4)}: what is written to growth.t.origin does not come back: public.t has no column for it`,
      `column ${place(35, 4)}: what is written to growth.t.full does not come back: concat of first and last`,
      `column ${place(82, 4)}: what is written to growth.t.initials does not come back: the function f of first`,
      `column ${place(10)}: what is written to growth.t.mail does not come back: lower of trim of mail`,
      `column ${place(52)}: what is written to growth.t.at does not come back: it is date, which does not give back each timestamp of at as it was`,
      `column ${place(87)}: what is written to growth.t.copy does not come back: public.t.first comes back from first`,
      `column ${place(3, 3)}: what is written to growth.t.plan does not come back: public.t has no column for it`,
      `new-rows ${place(10)}: a row that is new in growth.t cannot be written to public.t: public.t.mail is NOT NULL without a default, and nothing gives it back`,
      `kept ${place(52)}: public.t.at keeps what it has, and is null in a row that is new in growth.t: nothing gives it back`,
      `new-rows ${place(30, 3)}: a row that is new in growth.t cannot be written to public.t: public.t.secret is NOT NULL without a default, and nothing gives it back`,
      `kept ${place(38, 3)}: public.t.rank keeps what it has, and has its default in a row that is new in growth.t: nothing gives it back`,
    ]);
  });

  test('a null that the old column refuses', () => {
    const { oneWay } = invertTable('{from: public.t}', sideTable('id* int4, a text!'), sideTable('id* int4, a text'));
    expect(oneWay).toEqual([
      'values mapping/growth.yaml:3:3: not every value of growth.t.a comes back as it is: a is NOT NULL, which refuses a null',
    ]);
  });

  test('members of an object that was made', () => {
    const { back, oneWay } = invertTable(
      '{from: public.t, pick: [id], columns: {address: {object: {zip: zip, "in \\"use\\"": used, data: data}}}}',
      sideTable('id* int4, zip text, used bool, data jsonb'),
      sideTable('id* int4, address jsonb'),
    );
    expect([...back[0]!.rules!.columns]).toEqual([
      ['zip', { from: 'address', steps: [{ json: '"zip"' }] }],
      ['used', { from: 'address', steps: [{ json: '"in ""use"""' }, { map: { true: 't', false: 'f' } }] }],
    ]);
    expect(oneWay.at(-1)).toContain('public.t.data keeps what it has');
  });
});

describe('keys', () => {
  test('a key that is made is known to the lineage alone', () => {
    const { back, oneWay } = invertTable(
      `{from: public.t, lineage: true, columns: {id: {uuid: [id], namespace: ${NAMESPACE}}}}`,
      sideTable('id* int4, a text'),
      sideTable('id* uuid, a text'),
    );
    expect(back[0]!.source).toEqual({ schema: 'ferry', table: 'growth.t < public.t' });
    expect(back[0]!.rules).toMatchObject({ pick: ['a'], columns: new Map([['id', expect.anything()]]) });
    expect(oneWay).toEqual([
      'new-rows mapping/growth.yaml:3:3: a row that is new in growth.t, or gets another key there, is refused in public.t: the key of growth.t is not id as it is',
    ]);
  });

  test('a key that has moved is that of new rows, too', () => {
    const moved = (now: string) =>
      invertTable('{from: public.t, lineage: true}', sideTable('id* int4'), sideTable(now)).oneWay;
    expect(moved('id* int4')).toEqual([]);
    expect(moved('id* int8')).toEqual([
      'values mapping/growth.yaml:3:3: not every value of growth.t.id comes back as it is: id is int4, which refuses or rounds what it does not hold',
    ]);
  });

  test('the old key is found in what each change of the new table carries', () => {
    const source = sideTable('id* int4, mail text!');
    expect(invertTable('{from: public.t}', source, sideTable('id int4!, mail* text')).oneWay).toEqual([
      'table mapping/growth.yaml:3:3: nothing written to growth.t comes back to public.t: no key of growth.t gives back id, by which rows of public.t are found (unless it has REPLICA IDENTITY FULL)',
    ]);
    expect(invertTable('{from: public.t}', source, sideTable('id int4!, mail* text', 'f')).oneWay).toEqual([]);
  });

  test('rows of other constants in the key are none of the old table’s', () => {
    const mapping = '{from: public.t, columns: {origin: {constant: old}}}';
    const source = sideTable('id* int4, a text');
    const { back, oneWay } = invertTable(mapping, source, sideTable('origin* text, id* int4, a text'));
    expect(back[0]!.rules!.where!.condition).toEqual({ kind: 'in', column: 'origin', values: ['old'] });
    expect(oneWay).toEqual([
      'rows mapping/growth.yaml:3:3: only rows of growth.t with origin = old come back to public.t: all that the mapping brings have it',
    ]);
  });
});

describe('a split', () => {
  const users = sideTable('id* int4, name text!, mail text, theme text');
  const tables = {
    'public.users': users,
    'auth.logins': sideTable('id* int4, mail text'),
    'growth.profiles': sideTable('id* int4, name text!, mail text'),
    'prefs.settings': sideTable('id* int4, theme text'),
  };
  const split = (logins = '', settings = '') =>
    invert(
      {
        auth: `  logins: {from: public.users, pick: [id, mail]${logins}}\n`,
        growth: `  profiles: {from: public.users, pick: [id, name, mail]}\n`,
        prefs: `  settings: {from: public.users, pick: [id, theme]${settings}}\n`,
      },
      tables,
    );

  const joined = (back: ReturnType<typeof split>['back']) =>
    back.map(({ source, join, truncate, rules }) => [source.table, join, truncate, rules?.pick]);

  test('by columns: one table brings the rows, each other column comes back into them from one part', () => {
    const { back, oneWay } = split();
    expect(joined(back)).toEqual([
      ['profiles', 'rows', 'halt', undefined],
      ['settings', 'part', 'halt', undefined],
    ]);
    expect(oneWay).toEqual([
      'table mapping/auth.yaml:3:3: nothing written to auth.logins comes back to public.users: what it has of public.users comes back from growth.profiles',
      'rows mapping/prefs.yaml:3:3: a row of prefs.settings is refused where public.users has none of its key: its columns come back into rows that growth.profiles brings',
      'values mapping/prefs.yaml:3:3: a row that goes from prefs.settings leaves theme of its row in public.users as it is: its rows are parts of those of growth.profiles',
    ]);
  });

  test('by columns: what a part does not bring is named at its place', () => {
    const source = sideTable('id* int4, name text!, mail text!, theme text, rank int4!=');
    const { back, oneWay } = invert(
      {
        auth: '  logins: {from: public.users, pick: [id, mail, rank]}\n',
        growth: '  profiles: {from: public.users, pick: [id, name, rank, theme]}\n',
      },
      {
        'public.users': source,
        'auth.logins': sideTable('id* int4, mail text, rank int4, token text'),
        'growth.profiles': sideTable('id* int4, name text!, rank int4!, theme text'),
      },
    );
    expect(joined(back)).toEqual([
      ['profiles', 'rows', 'halt', undefined],
      ['logins', 'part', 'halt', ['id', 'mail']],
    ]);
    expect(oneWay.filter((one) => one.includes('auth.yaml'))).toEqual([
      expect.stringMatching(
        /^values .*not every value of auth.logins.mail .*: mail is NOT NULL, which refuses a null$/,
      ),
      expect.stringMatching(
        /^column .*auth.logins.rank does not come back: public.users.rank comes back from growth.profiles$/,
      ),
      expect.stringMatching(/^column .*auth.logins.token does not come back: public.users has no column for it$/),
      expect.stringMatching(/^rows .*a row of auth.logins is refused where/),
      expect.stringMatching(/^values .*a row that goes from auth.logins leaves mail of its row/),
    ]);
    expect(oneWay.filter((one) => one.includes('growth.yaml'))).toEqual([
      'rows mapping/growth.yaml:3:3: a row that is new in growth.profiles needs its row of auth.logins in the same transaction: public.users.mail is NOT NULL without a default, and only auth.logins has it',
    ]);
  });

  test('parts of a table that does not come back do not either: what is new there has no row to go into', () => {
    const { back, oneWay } = invert(
      {
        auth: '  logins: {from: public.users, pick: [id, mail]}\n',
        growth: '  profiles: {from: public.users}\n',
      },
      { ...tables, 'growth.profiles': sideTable('id int4, name text!, mail text, theme* text') },
    );
    expect(back).toEqual([]);
    expect(oneWay).toEqual([
      expect.stringMatching(/^table .* auth.logins .* parts of those of growth.profiles, of which nothing comes back$/),
      expect.stringMatching(/^table .* growth.profiles .* no key of growth.profiles gives back id/),
    ]);
  });

  test('a part without the whole key of the old table does not come back', () => {
    const { back, oneWay } = invert(
      {
        auth: '  logins: {from: public.users, columns: {id: {from: id, steps: [{prefix: u}], cast: text}}, pick: [mail]}\n',
        growth: '  profiles: {from: public.users, pick: [id, name]}\n',
      },
      {
        ...tables,
        'auth.logins': sideTable('id* text, mail text'),
        'growth.profiles': sideTable('id* int4, name text!'),
      },
    );
    expect(joined(back)).toEqual([['profiles', undefined, undefined, undefined]]);
    expect(oneWay[0]).toMatch(/^table .*no key of auth.logins gives back id, by which rows of public.users are found$/);
  });

  test('a table of some rows does not lead one of all', () => {
    const all = { ...tables, 'growth.profiles': sideTable('id* int4') };
    const { back } = invert(
      {
        auth: '  logins: {from: public.users, pick: [id, mail], where: id = 1}\n',
        growth: '  profiles: {from: public.users, pick: [id]}\n',
      },
      all,
    );
    expect(joined(back).map(([table, join]) => [table, join])).toEqual([
      ['profiles', 'rows'],
      ['logins', 'part'],
    ]);
  });

  test.each([
    ['tenant = 1', 'tenant in (2, 3)', true],
    ['tenant = 1', 'not tenant in (1, 3)', true],
    ['tenant = 1 and id = 7', 'tenant <> 1', true],
    ['tenant is null', 'tenant <> 1', true],
    ['tenant is null', 'tenant is not null', true],
    ['tenant in (1, 2)', 'tenant in (2, 3)', false],
    ['tenant <> 1', 'tenant <> 2', false],
    ['tenant = 1 or id = 7', 'tenant = 2', false],
    ['tenant = 1', 'id = 2', false],
  ])('by rows: %s, and %s', (a, b, isDisjoint) => {
    const notes = sideTable('tenant* int4, id* int4, body text');
    const { back, oneWay } = invert(
      {
        a: `  notes: {from: public.notes, where: "${a}"}\n`,
        b: `  remarks: {from: public.notes, where: "${b}"}\n`,
      },
      { 'public.notes': notes, 'a.notes': notes, 'b.remarks': notes },
    );
    expect(back.map(({ source, join, truncate }) => [source.table, join, truncate])).toEqual(
      isDisjoint
        ? [
            ['notes', 'rows', 'halt'],
            ['remarks', 'rows', 'halt'],
          ]
        : [['notes', undefined, 'halt']],
    );
    expect(back.every(({ rules }) => rules === undefined)).toBe(true);
    expect(oneWay[0]).toBe(
      'rows mapping/a.yaml:3:38: a row of a.notes that has the key of a row of public.notes outside of `where` overwrites it: a.notes does not know of that row',
    );
    expect(oneWay[1]).toMatch(isDisjoint ? /^rows mapping\/b/ : /^table mapping\/b.*comes back from a.notes$/);
  });

  test('by rows, whose column stays behind: the condition gives it back, where it has one value', () => {
    const source = sideTable('id* int4, tenant int4!, kind text, body text');
    const mapping = (where: string, more = '') =>
      `{from: public.notes, where: "${where}", drop: [tenant, kind]${more}}\n`;
    const { back, oneWay } = invert(
      { a: `  notes: ${mapping("tenant = 1 and kind = 'x'")}`, b: `  notes: ${mapping('tenant in (2, 3)')}` },
      {
        'public.notes': source,
        'a.notes': sideTable('id* int4, body text'),
        'b.notes': sideTable('id* int4, body text'),
      },
    );
    expect(back.map(({ join, rules }) => [join, [...(rules?.columns ?? [])]])).toEqual([
      [
        'rows',
        [
          ['tenant', { constant: '1' }],
          ['kind', { constant: 'x' }],
        ],
      ],
      ['rows', []],
    ]);
    expect(oneWay.filter((one) => one.includes('a.yaml'))).toEqual([expect.stringMatching(/^rows .*overwrites it/)]);
    expect(oneWay.filter((one) => one.includes('b.yaml'))).toEqual([
      expect.stringMatching(
        /^new-rows .*public.notes.tenant is NOT NULL without a default, and nothing gives it back$/,
      ),
      expect.stringMatching(/^kept .*public.notes.kind keeps what it has/),
      expect.stringMatching(/^rows .*overwrites it/),
    ]);
  });

  test('by rows, whose key column stays behind: it is given back, to parts too, and the key meets no other row', () => {
    const part = '{from: public.notes, where: tenant = 2, pick: [id, stars]}';
    const { back, oneWay } = invert(
      {
        a: '  notes: {from: public.notes, where: tenant = 1, drop: [tenant]}\n',
        b: `  notes: {from: public.notes, where: tenant = 2, drop: [tenant, stars]}\n  stars: ${part}\n`,
        c: '  notes: {from: public.notes, where: "tenant in (3, 4)", drop: [tenant]}\n',
      },
      {
        'public.notes': sideTable('tenant* int4, id* int4, body text, stars int4'),
        'a.notes': sideTable('id* int4, body text, stars int4'),
        'b.notes': sideTable('id* int4, body text'),
        'b.stars': sideTable('id* int4, stars int4'),
        'c.notes': sideTable('id* int4, body text, stars int4'),
      },
    );
    expect(back.map(({ source, join, rules }) => [source.schema, source.table, join, [...rules!.columns]])).toEqual([
      ['a', 'notes', 'rows', [['tenant', { constant: '1' }]]],
      ['b', 'notes', 'rows', [['tenant', { constant: '2' }]]],
      ['b', 'stars', 'part', [['tenant', { constant: '2' }]]],
    ]);
    expect(oneWay.filter((one) => one.includes('overwrites'))).toEqual([]);
    expect(oneWay.filter((one) => one.startsWith('table'))).toEqual([
      expect.stringMatching(/no key of c.notes gives back tenant, by which rows of public.notes are found/),
    ]);
  });

  test('by rows, whose column a table brings: its values are the column’s', () => {
    const where = "tenant = 1 and kind = 'x' and even = 't'";
    const { back } = invert(
      {
        a: `  notes: {from: public.notes, where: "${where}", pick: [id, tenant]}\n`,
        b: `  kinds: {from: public.notes, where: "${where}", pick: [id, kind]}\n`,
      },
      {
        'public.notes': sideTable('id* int4, tenant int4, kind text, even bool~'),
        'a.notes': sideTable('id* int4, tenant int4'),
        'b.kinds': sideTable('id* int4, kind text'),
      },
    );
    expect(back.map(({ source, join, rules }) => [source.table, join, rules])).toEqual([
      ['notes', 'rows', undefined],
      ['kinds', 'part', undefined],
    ]);
  });

  test('by rows and columns: a part of the rows of several tables', () => {
    const source = sideTable('id* int4, tenant int4!, body text, stars int4');
    const rows = sideTable('id* int4, tenant int4!, body text');
    const { back } = invert(
      {
        a: '  notes: {from: public.notes, where: tenant = 1, drop: [stars]}\n',
        b: '  notes: {from: public.notes, where: tenant = 2, drop: [stars]}\n',
        c: '  stars: {from: public.notes, where: "tenant in (1, 2)", pick: [id, stars]}\n',
      },
      { 'public.notes': source, 'a.notes': rows, 'b.notes': rows, 'c.stars': sideTable('id* int4, stars int4') },
    );
    expect(back.map(({ source, join }) => [source.schema, join])).toEqual([
      ['a', 'rows'],
      ['b', 'rows'],
      ['c', 'part'],
    ]);
  });
});

describe('columns of the old table that nothing fills', () => {
  const old = sideTable('id* int4, kind text, note text');
  const partitions = (mapping: string, now: string) => invertTable(mapping, old, sideTable(now)).back[0]!.partitions;

  test('stay with a row whose key changes', () => {
    expect(partitions('{from: public.t, drop: [note]}', 'id* int4, kind text')).toBe(1);
    expect(
      partitions('{from: public.t, where: id = 1, columns: {kind: {from: kind}}}', 'id* int4, kind text, note text'),
    ).toBeUndefined();
    expect(partitions('{from: public.t}', 'id* int4, kind text, note text, more text')).toBeUndefined();
    expect(partitions('{from: public.t, partitions: 1}', 'id* int4, kind text, note text')).toBe(1);
  });

  test('which is not said where parts of the rows are joined: those are in one partition anyway', () => {
    const { back } = invert(
      {
        a: '  rows: {from: public.t, pick: [id]}\n',
        b: '  parts: {from: public.t, pick: [id, kind], where: id = 1}\n',
      },
      { 'public.t': old, 'a.rows': sideTable('id* int4'), 'b.parts': sideTable('id* int4, kind text') },
    );
    expect(back.map(({ join, partitions }) => [join, partitions])).toEqual([
      ['rows', undefined],
      ['part', undefined],
    ]);
  });
});

describe('a truncate of the new table', () => {
  const truncate = (mapping: string) =>
    invertTable(mapping, sideTable('id* int4, kind text'), sideTable('id* int4, kind text')).back[0]!.truncate;

  test('is one of the old table, unless that has rows that the new one never had', () => {
    expect(truncate('{from: public.t}')).toBeUndefined();
    expect(truncate('{from: public.t, where: id = 1}')).toBe('halt');
  });

  test('nor of the candidates, of which nobody but us makes one', () => {
    expect(truncate('{from: public.t, lineage: true}')).toBe('halt');
  });
});

describe('a merge', () => {
  const keys = sideTable('id* uuid, hash text');
  const merge = (one: string, other: string, target: SideTable) =>
    invert(
      { growth: `  keys: {merge: [{from: public.keys${one}}, {from: public.vendor_keys${other}}], unique: [hash]}\n` },
      { 'public.keys': keys, 'public.vendor_keys': keys, 'growth.keys': target },
    );
  const by = (value: string) => `, columns: {origin: {constant: ${value}}}`;
  const made = `, columns: {id: {uuid: [id], namespace: ${NAMESPACE}}}`;

  test('comes back from the candidates of each table, by the key that they have there', () => {
    const { back, oneWay } = merge('', '', sideTable('id* uuid, hash text'));
    expect(back.map(({ source, target }) => [source.table, target.table])).toEqual([
      ['growth.keys < public.keys', 'keys'],
      ['growth.keys < public.vendor_keys', 'vendor_keys'],
    ]);
    expect(back.map(({ rules, truncate }) => [rules!.columns.get('id'), rules!.where, truncate])).toEqual(
      Array(2).fill([{ from: 'ferry_key', steps: [{ json: '[0]' }], cast: 'uuid' }, undefined, 'halt']),
    );
    expect(oneWay).toEqual([
      expect.stringMatching(
        /^rows .*: a row that is new in growth.keys comes back to public.keys, not to public.vendor_keys/,
      ),
    ]);
  });

  test('of tables told apart by constants gives each its new rows', () => {
    expect(merge(by('a'), by('b'), sideTable('id* uuid, hash text, origin text')).oneWay).toEqual([
      expect.stringContaining('only rows of growth.keys with origin = a come back to public.keys'),
      expect.stringContaining('only rows of growth.keys with origin = b come back to public.vendor_keys'),
    ]);
  });

  test('whose keys are made has no key for new rows', () => {
    expect(merge(made, '', sideTable('id* uuid, hash text')).oneWay).toEqual([
      expect.stringMatching(
        /^new-rows .*: a row that is new in growth.keys, or gets another key there, is refused in public.keys: the key of growth.keys is not id as it is$/,
      ),
      expect.stringMatching(/^rows .*not to public.vendor_keys/),
    ]);
  });

  test('whose key has columns beside the old one says which rows meet in the old table, or are refused there', () => {
    const named = (more: string, now: SideTable) =>
      invert(
        { growth: `  t: {from: public.t, lineage: true${more}}\n` },
        { 'public.t': sideTable('id* int4, at date!'), 'growth.t': now },
      ).oneWay;
    expect(named('', sideTable('id* int4, at* date'))).toEqual([
      'rows mapping/growth.yaml:3:3: of rows of growth.t that have one id only the last that was written is in public.t: the key of growth.t has more columns',
    ]);
    const uuid = `, columns: {id: {uuid: [id], namespace: ${NAMESPACE}}}`;
    const why = 'is refused in public.t: the key of growth.t is not id as it is';
    expect(named(uuid, sideTable('id* uuid, at* date'))).toEqual([
      `new-rows mapping/growth.yaml:3:3: a row that is new in growth.t, or gets another id there, ${why}`,
    ]);
    expect(named(', pick: [at]', sideTable('at* date'))).toEqual([
      `new-rows mapping/growth.yaml:3:3: a row that is new in growth.t ${why}`,
    ]);
  });

  test('by another key than that of the old table', () => {
    const { back, oneWay } = invert(
      { growth: '  t: {from: public.t, lineage: true, key: [code]}\n' },
      { 'public.t': sideTable('id* int4, code text'), 'growth.t': sideTable('id* int4, code text') },
    );
    expect(back).toEqual([]);
    expect(oneWay[0]).toMatch(/its lineage has \(code\), and rows of public.t are found by id, too$/);
  });
});

describe('what a row of the new table becomes in the old ones', () => {
  const following = (mapping: string, old: string, now: string) => {
    const sides = mappedSides(
      { growth: `  t: ${mapping}\n` },
      { 'public.t': sideTable(old), 'public.u': sideTable(old), 'growth.t': sideTable(now) },
    );
    return sides.map((one) =>
      followingOf(
        one,
        sides.map(({ mapping }) => mapping),
      ),
    );
  };

  test('the key that the new row has, where it is the old one as it is', () => {
    const [one] = following('{from: public.t, lineage: true, rename: {a: x}}', 'b* int4, a* text', 'x* text, b* int8');
    const known = { source: 'public.t', constants: new Map(), key: ['b', 'x'] };
    expect(one).toEqual({ ...known, rowKey: ['x', 'b'], identity: ['x', 'b'] });
  });

  test('beside it the new key may have columns that come as they are: they may change', () => {
    const [moved] = following('{from: public.t, lineage: true}', 'id* int4, at date!', 'id* int4, at* date');
    expect(moved).toMatchObject({ key: ['id'], rowKey: ['id', 'at'], identity: ['id'] });
    const uuid = `columns: {id: {uuid: [id], namespace: ${NAMESPACE}}}`;
    const [made] = following(`{from: public.t, lineage: true, ${uuid}}`, 'id* int4, at date!', 'id* uuid, at* date');
    expect(made).toMatchObject({ key: undefined, identity: ['id'] });
    const both = `columns: {id: {uuid: [id, at], namespace: ${NAMESPACE}}}`;
    const [read] = following(`{from: public.t, lineage: true, ${both}}`, 'id* int4, at date!', 'id* uuid, at* date');
    expect(read).toMatchObject({ key: undefined, identity: ['id', 'at'] });
    const [cut] = following('{from: public.t, lineage: true}', 'id* int4, at timestamp!', 'id* int4, at* timestamp(0)');
    expect(cut).toMatchObject({ key: undefined, identity: ['id', 'at'] });
    const [left] = following('{from: public.t, lineage: true, pick: [mail]}', 'id* int4, mail text!', 'mail* text');
    expect(left).toMatchObject({ key: undefined, identity: [] });
  });

  test('no key where the mapping would not make that row of it', () => {
    const uuid = `{uuid: [id], namespace: ${NAMESPACE}}`;
    const both = `{from: public.t, lineage: true, columns: {made: ${uuid}}}`;
    expect(following(both, 'id* int4', 'made* uuid, id int4')[0]!.key).toBeUndefined();
    expect(following('{from: public.t, lineage: true}', 'id* int4', 'id* text')[0]!.key).toBeUndefined();
  });

  test('a table by its own constants, which may be of the key', () => {
    const by = (value: string) => `columns: {kind: {constant: all}, origin: {constant: ${value}}}`;
    const all = following(
      `{merge: [{from: public.t, ${by('a')}}, {from: public.u, ${by('b')}}]}`,
      'id* int4',
      'origin* text, id* int4, kind text',
    );
    expect(all.map(({ source, constants, key }) => [source, [...constants], key])).toEqual([
      ['public.t', [['origin', 'a']], ['id']],
      ['public.u', [['origin', 'b']], ['id']],
    ]);
  });
});
