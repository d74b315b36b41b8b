import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { parseExpression } from '../../core/mapping/expression.js';
import type { TableMapping } from '../../core/mapping.js';
import { POSITION_ZERO } from '../../core/position.js';
import { type RelationLine, relationToLine } from '../../core/record.js';
import { RecordScanner, readSpan } from '../../core/record-scanner.js';
import { parseQualifiedName } from '../../core/relation.js';
import { ruleKit } from '../../platform/rule-kit.js';
import { linesOf, linesOfAll, RecordBuilder, relationOf, TIME } from '../../test/support/record-builder.js';
import { anyText } from '../../test/support/texts.js';
import type { DomainEnd } from './domain.js';
import { Router } from './router.js';

const users = relationOf(1, 'public.users', ['id', 'name']);
const posts = relationOf(2, 'public.posts', ['id', 'title', 'body']);
const orphans = relationOf(3, 'public.orphans', ['id']);

const PLACE = { file: 'mapping/x.yaml', line: 1, column: 1 };
const mapped = (source: string, target: string, rename: Record<string, string> = {}): TableMapping => ({
  source: parseQualifiedName(source)!,
  target: parseQualifiedName(target)!,
  rename: new Map(Object.entries(rename)),
  place: PLACE,
  columnPlaces: new Map(),
});
const TABLES = [mapped('public.users', 'shared.people'), mapped('public.posts', 'growth.posts', { title: 'headline' })];

/** Of an earlier mapping. */
const REMOVED = new Map([['public.orphans', parseLsn('F/0')]]);

const NOTHING: DomainEnd = { position: POSITION_ZERO, complete: true };
const at = (lsn: string, index: number) => ({ lsn: parseLsn(lsn), index });

function routerWith(
  ends: Record<string, DomainEnd> = {},
  tables = TABLES,
  removed = REMOVED,
  isMisplaced: (source: string) => boolean = () => false,
) {
  const tallies = { taken: new Map(), filtered: new Map(), transformed: new Map() };
  const router = new Router({
    tables,
    kit: ruleKit,
    ends: new Map(Object.entries({ growth: NOTHING, shared: NOTHING, ...ends })),
    tallies,
    through: LSN_ZERO,
    time: null,
    countedThrough: POSITION_ZERO,
    rawEnd: POSITION_ZERO,
    removed,
    isMisplaced,
  });
  return { router, tallies };
}

/** Routes raw records. @returns each domain's lines, without its relations. */
function route(records: readonly Buffer[], ends: Record<string, DomainEnd> = {}) {
  const { router } = routerWith(ends);
  for (const record of records) router.take(record);
  return domainsOf(router.takeRecords());
}

function domainsOf(output: readonly { schema: string; values: readonly Buffer[] }[]) {
  return Object.fromEntries(
    output.map(({ schema, values }) => [schema, linesOfAll(values).filter((line) => !('relation' in line))]),
  );
}

const raw = (limitBytes?: number) => new RecordBuilder(limitBytes).relation(users).relation(posts).relation(orphans);
const tx = (lsn: string) => ({ tx: lsn, xid: 700, time: TIME });
const committed = (lsn: string, ix: number) => ({ commit: lsn, ix, end: formatLsn((parseLsn(lsn) + 0x30n) as Lsn) });

describe('rows that belong to another partition', () => {
  const { router } = routerWith(undefined, undefined, undefined, (source) => source === 'public.users');
  const take = (records: readonly Buffer[]) => {
    for (const record of records) router.take(record);
  };

  test('halt it with the table, for the log has them from before a merge', () => {
    const row = raw()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] });
    expect(() => take(row.commit().take())).toThrow(
      /^mapping\/\w+\.yaml:\d+:\d+: the log has rows of public.users spread over its partitions, from before/,
    );
  });

  test('but what every partition has, and other tables, pass', () => {
    const records = raw()
      .begin('0/200')
      .row(2, 'd', { key: ['2', null, null] })
      .truncate([1])
      .commit()
      .take();
    take(records);
    expect(domainsOf(router.takeRecords()).shared).toHaveLength(3);
  });
});

describe('Router', () => {
  test('routes each row to the schema of its table, with its transaction, and the commit where there are rows', () => {
    const records = raw()
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(2, 'u', { key: ['1', null, null], new: ['2', 'Hello', false] })
      .row(1, 'd', { key: ['1', null] })
      .commit()
      .begin('0/200')
      .row(1, 'c', { new: ['2', 'Bob'] })
      .commit()
      .take();
    expect(route(records)).toEqual({
      growth: [
        tx('0/100'),
        { rel: 2, ix: 1, op: 'u', key: ['1', null, null], new: ['2', 'Hello', false] },
        committed('0/100', 3),
      ],
      shared: [
        tx('0/100'),
        { rel: 1, ix: 0, op: 'c', new: ['1', 'Ada'] },
        { rel: 1, ix: 2, op: 'd', key: ['1', null] },
        committed('0/100', 3),
        tx('0/200'),
        { rel: 1, ix: 0, op: 'c', new: ['2', 'Bob'] },
        committed('0/200', 1),
      ],
    });
  });

  test('counts, for each table that rows go to, what goes there and what is filtered', () => {
    const rules = (where: string) => ({
      pick: undefined,
      drop: [],
      columns: new Map(),
      places: new Map(),
      where: { condition: parseExpression(where), place: PLACE },
    });
    const tables = [
      { ...mapped('public.posts', 'growth.posts'), route: 'posts -> growth', rules: rules("id in ('1', '2')") },
      { ...mapped('public.posts', 'shared.posts'), route: 'posts -> shared', rules: rules("id = '2'") },
    ];
    const [record] = raw()
      .begin('0/100')
      .rows(posts, '1\ta\tx\n2\tb\ty\n3\tc\tz\n', { chunk: { final: true } })
      .row(2, 'u', { key: ['1', null, null], new: ['2', 'd', 'x'] })
      .row(2, 'c', { new: ['4', 'e', 'x'] })
      .row(2, 'd', { key: ['2', null, null] })
      .truncate([2])
      .commit()
      .take();
    const { router, tallies } = routerWith({}, tables);
    router.take(record!);
    expect(domainsOf(router.takeRecords())).toMatchObject({
      growth: [
        tx('0/100'),
        { op: 'r', ix: 0, rows: 2, text: '1\ta\tx\n2\tb\ty\n' },
        { op: 'u', ix: 1, key: ['1', null, null], new: ['2', 'd', 'x'] },
        { op: 'd', ix: 3 },
        { op: 't', ix: 4, relations: [2] },
        committed('0/100', 5),
      ],
      shared: [
        tx('0/100'),
        { op: 'r', ix: 0, rows: 1, text: '2\tb\ty\n', chunk: { final: true } },
        { op: 'c', ix: 1, new: ['2', 'd', 'x'] },
        { op: 'd', ix: 3 },
        { op: 't', ix: 4, relations: [2] },
        committed('0/100', 5),
      ],
    });
    expect(Object.fromEntries(tallies.transformed)).toEqual({ 'posts -> growth': 5, 'posts -> shared': 4 });
    expect(Object.fromEntries(tallies.filtered)).toEqual({ 'posts -> growth': 2, 'posts -> shared': 3 });
    expect(Object.fromEntries(tallies.taken)).toEqual({ 'posts -> growth': 7, 'posts -> shared': 7 });
    router.take(record!);
    expect(Object.fromEntries(tallies.taken)).toEqual({ 'posts -> growth': 7, 'posts -> shared': 7 });
  });

  test('makes rows of a table with rules anew, streamed and copied', () => {
    const rule = { from: 'body', steps: [{ upper: true as const }] };
    const rules = { pick: undefined, drop: ['title'], columns: new Map([['text', rule]]), places: new Map() };
    const { router } = routerWith({}, [TABLES[0]!, { ...mapped('public.posts', 'growth.posts'), rules }]);
    const [record] = raw()
      .begin('0/100')
      .row(2, 'u', { new: ['1', 'Hello', false] })
      .rows(posts, '1\tHello\tx\n2\t\\N\t\\N\n', { chunk: { final: true } })
      .commit()
      .take();
    router.take(record!);
    const { values } = router.takeRecords()[0]!;
    const lines = linesOf(values[0]!);
    expect(lines[1]).toMatchObject({ columns: [{ name: 'id' }, { name: 'body' }, { name: 'text' }] });
    expect(lines[2]).toMatchObject({ op: 'u', new: ['1', false, false] });
    expect(lines[3]).toMatchObject({ op: 'r', rows: 2, columns: ['id', 'body', 'text'], chunk: { final: true } });
    expect(lines[3]!.text).toBe('1\tx\tX\n2\t\\N\t\\N\n');
  });

  test('names table and columns as the target does, and says where they came from', () => {
    const [record] = raw()
      .begin('0/100')
      .row(2, 'c', { new: ['1', 'Hello', 'x'] })
      .commit()
      .take();
    const { router } = routerWith();
    router.take(record!);
    const { values } = router.takeRecords()[0]!;
    const line = linesOf(values[0]!)[1] as unknown as RelationLine;
    expect(line).toEqual({
      ...relationToLine({ ...posts, schema: 'growth', source: 'public.posts' }),
      columns: posts.columns.map((column) => (column.name === 'title' ? { ...column, name: 'headline' } : column)),
    });
  });

  test('passes rows and the rows of a snapshot on byte by byte', () => {
    // Bytes that a parser would write otherwise: spaces, escapes, a byte order mark, invalid UTF-8.
    const line = '{"rel":1,"ix":0,"op":"c","new":["1",  "\\u0041\\/\ufeff"]}';
    const header = '{"ferry":1,"first":["0/100",0],"last":["0/100",1],"complete":false}';
    const text = 'a\t\\N\nb\t\ufeff\n';
    const rows = `{"rel":1,"ix":1,"op":"r",  "rows":2,"bytes":${Buffer.byteLength(text)},"columns":["id","name"]}`;
    const relation = JSON.stringify(relationToLine(users));
    const record = Buffer.from(`${header}\n{"tx":"0/100","xid":7,"time":""}\n${relation}\n${line}\n${rows}\n${text}`);
    record[record.indexOf('\ufeff')] = 0xff;
    const { router } = routerWith();
    router.take(record);
    const { values } = router.takeRecords()[0]!;
    const tail = record.subarray(record.indexOf(line.slice(0, 20)));
    expect(values[0]!.subarray(-tail.length)).toEqual(tail);
  });

  test('renames the columns of a snapshot, and leaves its rows as they are', () => {
    const text = '1\tHello\t\ufeffx\\n\n';
    const records = raw()
      .begin('0/100')
      .rows(posts, text, { chunk: { upTo: ['1'], final: true }, gaveWay: 2 })
      .commit()
      .take();
    expect(route(records).growth![1]).toEqual({
      rel: 2,
      ix: 0,
      op: 'r',
      rows: 1,
      gaveWay: 2,
      bytes: Buffer.byteLength(text),
      columns: ['id', 'headline', 'body'],
      chunk: { upTo: ['1'], final: true },
      text,
    });
  });

  test('splits a truncate over the schemas of its tables', () => {
    const records = raw().begin('0/100').truncate([1, 2, 3], { cascade: true, restartIdentity: true }).commit().take();
    const line = { rel: 0, ix: 0, op: 't', cascade: true, restartIdentity: true };
    expect(route(records)).toEqual({
      growth: [tx('0/100'), { ...line, relations: [2] }, committed('0/100', 1)],
      shared: [tx('0/100'), { ...line, relations: [1] }, committed('0/100', 1)],
    });
  });

  describe('a table that goes to two tables of a schema', () => {
    const both = [
      mapped('public.posts', 'growth.posts', { title: 'headline' }),
      mapped('public.users', 'growth.people'),
      { ...mapped('public.posts', 'growth.notes'), route: 'public.posts -> growth.notes' },
      {
        ...mapped('public.posts', 'growth.even'),
        route: 'public.posts -> growth.even',
        rules: { drop: [], columns: new Map(), where: { condition: parseExpression('id in (2, 4)'), place: PLACE } },
      },
    ] as TableMapping[];
    const second = 2 + 2 ** 32;
    const third = 2 + 2 ** 33;
    const records = () =>
      raw()
        .begin('0/100')
        .row(2, 'c', { new: ['1', 'Hello', 'x'] })
        .row(2, 'u', { new: ['2', 'Hi', 'y'] })
        .rows(posts, '4\tx\ty\n')
        .truncate([1, 2])
        .truncate([2], { beginsSnapshot: true })
        .commit()
        .take();
    const routed = (end?: DomainEnd) => {
      const { router } = routerWith(end && { growth: end }, both);
      for (const record of records()) router.take(record);
      return router.takeRecords().flatMap(({ values }) => linesOfAll(values));
    };
    const events = (end?: DomainEnd) => routed(end).filter((line) => 'ix' in line) as { rel: number; ix: number }[];

    test('has an event of its own in each, behind each other', () => {
      expect(routed().filter((line) => 'relation' in line)).toMatchObject([
        { relation: 2, table: 'posts', source: 'public.posts' },
        { relation: second, table: 'notes', source: 'public.posts -> growth.notes' },
        { relation: third, table: 'even' },
        { relation: 1, table: 'people' },
      ]);
      const copied = { op: 'r', rows: 1, text: '4\tx\ty\n' };
      expect(events()).toMatchObject([
        { rel: 2, ix: 0, op: 'c', new: ['1', 'Hello', 'x'] },
        { rel: second, ix: 1 / 64, op: 'c', new: ['1', 'Hello', 'x'] },
        { rel: 2, ix: 1, op: 'u' },
        { rel: second, ix: 1 + 1 / 64, op: 'u' },
        { rel: third, ix: 1 + 2 / 64, op: 'u', new: ['2', 'Hi', 'y'] },
        { rel: 2, ix: 2, columns: ['id', 'headline', 'body'], ...copied },
        { rel: second, ix: 2 + 1 / 64, columns: ['id', 'title', 'body'], ...copied },
        { rel: third, ix: 2 + 2 / 64, columns: ['id', 'title', 'body'], ...copied },
        { rel: 0, ix: 3, relations: [1, 2, second, third] },
        { rel: 0, ix: 4, relations: [2], beginsSnapshot: true },
        { rel: 0, ix: 4 + 1 / 64, relations: [second], beginsSnapshot: true },
        { rel: 0, ix: 4 + 2 / 64, relations: [third], beginsSnapshot: true },
        { ix: 5 },
      ]);
    });

    test('goes on between them', () => {
      const all = events();
      for (const [i, { ix: index }] of all.entries()) {
        const end = { position: { lsn: parseLsn('0/100'), index }, complete: i === all.length - 1 };
        expect(events(end)).toEqual(all.slice(i + 1));
      }
    });
  });

  test('gives heartbeats and markers to every schema, and no other message to any', () => {
    const records = raw()
      .begin('0/100')
      .message('ferry:heartbeat')
      .message('ferry:marker', 'm "1"')
      .message('ferry:to-come', 'x')
      .commit()
      .take();
    const lines = [
      tx('0/100'),
      { message: 'ferry:heartbeat', ix: 0, content: '' },
      { message: 'ferry:marker', ix: 1, content: 'm "1"' },
      committed('0/100', 3),
    ];
    expect(route(records)).toEqual({ growth: lines, shared: lines });
  });

  test('refuses to leave out what no mapping takes, unless it was removed behind it', () => {
    const orphan = (lsn: string) =>
      raw()
        .begin(lsn)
        .row(3, 'c', { new: ['1'] })
        .commit()
        .take()[0]!;
    expect(() => routerWith({}, TABLES, new Map()).router.take(orphan('0/100'))).toThrow(
      /ferry table remove|public.orphans/,
    );
    const { router, tallies } = routerWith({}, TABLES, new Map([['public.orphans', parseLsn('0/100')]]));
    router.take(orphan('0/100'));
    router.take(orphan('0/100'));
    expect(tallies.filtered).toEqual(new Map([['public.orphans', 1]]));
    expect(() => router.take(orphan('0/101'))).toThrow(
      expect.objectContaining({ code: 'table-unmapped', details: { table: 'public.orphans' } }),
    );
  });

  test('leaves out what was removed, and counts it as filtered', () => {
    const { router, tallies } = routerWith();
    const records = raw()
      .begin('0/100')
      .row(3, 'c', { new: ['1'] })
      .rows(orphans, '1\n2\n')
      .truncate([3])
      .commit()
      .begin('0/200')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .rows(posts, '1\tx\ty\n2\tx\ty\n')
      .truncate([1, 2])
      .commit()
      .take();
    for (const record of records) router.take(record);
    expect(Object.keys(domainsOf(router.takeRecords()))).toEqual(['growth', 'shared']);
    const [u, p, o] = ['public.users', 'public.posts', 'public.orphans'];
    expect(tallies.taken).toEqual(
      new Map([
        [o, 4],
        [u, 2],
        [p, 3],
      ]),
    );
    expect(tallies.filtered).toEqual(new Map([[o, 4]]));
    expect(tallies.transformed).toEqual(
      new Map([
        [u, 2],
        [p, 3],
      ]),
    );
    expect(router.changes).toBe(9);
  });

  test('writes a relation again once the source table has another version, and only then', () => {
    const wider = relationOf(1, 'public.users', ['id', 'name', 'email']);
    const records = raw(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .row(1, 'c', { new: ['2', 'Bob'] })
      .relation(wider)
      .row(1, 'c', { new: ['3', 'Cy', null] })
      .relation(users)
      .row(1, 'c', { new: ['4', 'Di'] })
      .commit()
      .take();
    const { router } = routerWith();
    for (const record of records) router.take(record);
    const lines = linesOfAll(router.takeRecords().flatMap(({ values }) => values));
    expect(lines.map((line) => (line.relation ? (line.columns as []).length : Object.keys(line)[0]))).toEqual([
      'tx',
      2,
      'rel',
      'rel',
      3,
      'rel',
      2,
      'rel',
      'commit',
    ]);
  });

  test('knows how far it is, and begins a record of its own after each take', () => {
    const { router } = routerWith();
    expect([router.through, router.throughTime]).toEqual([LSN_ZERO, null]);
    const builder = raw();
    for (const record of builder
      .begin('0/100')
      .row(3, 'c', { new: ['1'] })
      .commit('0/130')
      .take())
      router.take(record);
    expect([router.through, router.throughTime]).toEqual([parseLsn('0/130'), TIME]);
    expect(router.takeRecords()).toEqual([]);
    for (const record of builder
      .begin('0/200')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .take())
      router.take(record);
    const [first] = router.takeRecords();
    expect(readSpan(first!.values[0]!)).toEqual({ first: at('0/200', 0), last: at('0/200', 0), complete: false });
    for (const record of builder
      .row(1, 'c', { new: ['2', 'Bob'] })
      .commit()
      .take())
      router.take(record);
    const [second] = router.takeRecords();
    expect(readSpan(second!.values[0]!)).toEqual({ first: at('0/200', 1), last: at('0/200', 2), complete: true });
    expect(router.through).toBe(parseLsn('0/230'));
  });
});

describe('after a restart', () => {
  const records = () =>
    raw(1)
      .begin('0/100')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit()
      .begin('0/200')
      .row(1, 'c', { new: ['2', 'Bob'] })
      .row(2, 'c', { new: ['1', 'Hello', 'x'] })
      .rows(posts, '2\tx\ty\n')
      .truncate([1, 2])
      .message('ferry:heartbeat')
      .commit()
      .take();
  const whole = route(records());

  test('drops what each domain has, and no more', () => {
    const ends = { shared: { position: at('0/100', 1), complete: true }, growth: NOTHING };
    expect(route(records(), ends)).toEqual({ growth: whole.growth, shared: whole.shared!.slice(3) });
  });

  test('says nothing again when both have all', () => {
    const end = { position: at('0/200', 5), complete: true };
    expect(route(records(), { growth: end, shared: end })).toEqual({});
  });

  test('goes on within the transaction in which a domain was cut', () => {
    const ends = {
      shared: { position: at('0/200', 3), complete: false },
      growth: { position: at('0/200', 1), complete: false },
    };
    expect(route(records(), ends)).toEqual({
      growth: [tx('0/200'), ...whole.growth!.slice(2)],
      shared: [tx('0/200'), ...whole.shared!.slice(-2)],
    });
  });

  test('closes a transaction of which a domain lacks only the commit', () => {
    const ends = {
      shared: { position: at('0/200', 4), complete: false },
      growth: { position: at('0/200', 5), complete: true },
    };
    expect(route(records(), ends)).toEqual({ shared: [tx('0/200'), committed('0/200', 5)] });
  });

  test('says once what a late append of another process put into the raw topic again', () => {
    const all = records();
    // A transaction that is taken up again is named again, as at the beginning of a record.
    const eventsOf = (domains: typeof whole) =>
      Object.values(domains).map((lines) => lines.filter((line) => !('tx' in line)));
    expect(eventsOf(route([...all, ...all.slice(1, 5)]))).toEqual(eventsOf(whole));
    expect(eventsOf(route([...all.slice(0, 4), ...all]))).toEqual(eventsOf(whole));
  });

  test('leaves out what a late append put below the end of raw, where a domain had nothing since, too', () => {
    const post = (lsn: string) =>
      raw()
        .begin(lsn)
        .row(2, 'c', { new: [lsn, 'x', 'y'] })
        .commit();
    const newer = raw()
      .begin('0/200')
      .row(1, 'c', { new: ['1', 'Ada'] })
      .commit()
      .take();
    const both = post('0/100')
      .begin('0/300')
      .row(2, 'c', { new: ['late', 'x', 'y'] })
      .commit()
      .take();
    expect(both).toHaveLength(1);
    const { growth } = route([...newer, ...post('0/100').take(), ...both]);
    expect(growth).toEqual([tx('0/300'), { rel: 2, ix: 0, op: 'c', new: ['late', 'x', 'y'] }, committed('0/300', 1)]);
  });

  test('counts only what it says', () => {
    const { router, tallies } = routerWith({
      shared: { position: at('0/200', 0), complete: false },
      growth: { position: at('0/200', 5), complete: true },
    });
    for (const record of records()) router.take(record);
    expect(tallies.transformed).toEqual(new Map([['public.users', 1]]));
  });
});

describe('a router that is killed again and again', () => {
  const anyEvent = fc.oneof(
    fc.record({ kind: fc.constant('row' as const), id: fc.constantFrom(1, 2, 3), value: anyText }),
    fc.record({ kind: fc.constantFrom('rows', 'truncate', 'heartbeat', 'commit', 'take') }),
  );
  const write = (events: readonly { kind: string; id?: number; value?: string }[]) => {
    const builder = raw();
    const records: Buffer[] = [];
    let lsn = 0x100n;
    const begin = () => builder.begin(formatLsn(lsn as Lsn));
    begin();
    for (const event of events) {
      if (event.kind === 'row')
        builder.row(event.id!, 'c', { new: ['1', event.value!, null].slice(0, 3 - (event.id! % 2)) });
      else if (event.kind === 'rows') builder.rows(posts, '1\tx\ty\n');
      else if (event.kind === 'truncate') builder.truncate([1, 2, 3]);
      else if (event.kind === 'heartbeat') builder.message('ferry:heartbeat');
      else if (event.kind === 'take') records.push(...builder.take());
      else {
        builder.commit();
        lsn += 0x100n;
        begin();
      }
    }
    records.push(...builder.take());
    return records;
  };
  const bytesOfEvents = (values: readonly Buffer[]) =>
    values.flatMap((value) => {
      const found: string[] = [];
      const scanner = new RecordScanner(value);
      while (scanner.next()) {
        if (scanner.kind !== 'relation' && scanner.kind !== 'transaction') {
          found.push(value.toString('latin1', scanner.start, scanner.end));
        }
      }
      return found;
    });

  test('leaves the same events in each domain as one that never is', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 25 }),
        fc.array(fc.record({ taken: fc.nat({ max: 10 }), growth: fc.nat({ max: 3 }), shared: fc.nat({ max: 3 }) })),
        (events, lives) => {
          const records = write(events);
          const log: Record<string, Buffer[]> = { growth: [], shared: [] };
          const live = (taken: number, kept: Record<string, number>) => {
            const ends = Object.entries(log).flatMap(([schema, values]) => {
              const span = values.at(-1) && readSpan(values.at(-1)!);
              return span ? [[schema, { position: span.last, complete: span.complete }]] : [];
            });
            const { router } = routerWith(Object.fromEntries(ends));
            // Each append may be the last that arrives.
            const made: Record<string, Buffer[]> = { growth: [], shared: [] };
            for (const record of records.slice(0, taken)) {
              router.take(record);
              for (const { schema, values } of router.takeRecords()) made[schema]!.push(...values);
            }
            for (const schema of Object.keys(log)) log[schema]!.push(...made[schema]!.slice(0, kept[schema]));
          };
          for (const { taken, ...kept } of lives) live(taken, kept);
          live(records.length, { growth: 1_000, shared: 1_000 });
          const { router } = routerWith();
          for (const record of records) router.take(record);
          const whole = Object.fromEntries(router.takeRecords().map(({ schema, values }) => [schema, values]));
          for (const schema of Object.keys(log)) {
            expect(bytesOfEvents(log[schema]!)).toEqual(bytesOfEvents(whole[schema] ?? []));
          }
        },
      ),
    );
  });
});
