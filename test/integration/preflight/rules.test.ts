import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithPostgres } from '../../support/servers.js';
import { brief, CheckedPair, only, problems } from './checked-pair.js';

describeWithPostgres('preflight of rules', () => {
  let pair: CheckedPair;

  beforeAll(async () => {
    pair = await CheckedPair.open();
  });
  afterAll(async () => {
    await pair?.close();
  });
  beforeEach(async () => {
    await pair.reset();
    await pair.source.query("CREATE TYPE public.kind AS ENUM ('x', 'y')");
    await pair.target.query("CREATE TYPE growth.role AS ENUM ('r')");
  });

  const SOURCE = 'id int PRIMARY KEY, a text, b int, kind public.kind, u uuid, j jsonb, n numeric';
  const DROPPED = '    drop: [a, b, kind, u, j, n]\n';

  test('what types, values and names tell is refused at the place of the rule', async () => {
    const findings = await pair.checkColumns(
      {
        source: SOURCE,
        target: `id int PRIMARY KEY, c int, role growth.role, d date, e int NOT NULL, f text, g text GENERATED ALWAYS AS ('x') STORED,
                 k int, l uuid NOT NULL, m int`,
      },
      `${DROPPED}    columns:
      c: {from: a}
      role: {from: kind, steps: [{map: {x: r, y: q}}]}
      d: {from: u, cast: date}
      e: {from: a, steps: [trim], cast: bigint}
      f: {template: "{a} {b}"}
      g: {from: a}
      h: {from: a}
      k: {from: j, steps: [{json: k}]}
      l: {constant: null}
      m: {call: mm, args: [b]}
`,
    );
    expect(brief(findings)).toEqual([
      'error target rule-fit growth.t.c',
      'error target rule-fit growth.t.role',
      'error target rule-fit growth.t.d',
      'error target rule-fit growth.t.e',
      'warn target rule-fit growth.t.e',
      'error target rule-fit growth.t.f',
      'error target rule-fit growth.t.g',
      'error target rule-fit growth.t.h',
      'error target rule-fit growth.t.k',
      'error target rule-fit growth.t.l',
      'error target rule-fit growth.t.m',
    ]);
    expect(problems(findings).map(({ message }) => message)).toEqual([
      'mapping/growth.yaml:7:7: growth.t.c is integer: it does not hold every text of a: another type',
      'mapping/growth.yaml:8:7: growth.t.role is growth.role, which has no value "q"',
      'mapping/growth.yaml:9:7: growth.t.d is date: no uuid of u is written as one',
      'mapping/growth.yaml:10:7: growth.t.e is integer, and the rule says cast: bigint',
      'mapping/growth.yaml:10:7: growth.t.e is NOT NULL, and the rule may give null: apply halts at the first null',
      'mapping/growth.yaml:11:7: growth.t.f reads a beside others, which a change does not carry while it is large and stays as it was',
      'mapping/growth.yaml:12:7: growth.t.g is generated, and takes no values',
      'mapping/growth.yaml:13:7: growth.t.h is filled by a rule and does not exist',
      'mapping/growth.yaml:14:7: growth.t.k is integer: the rule makes text, and only a value can tell whether it is one of that type',
      'mapping/growth.yaml:15:7: growth.t.l is NOT NULL, and the rule gives null',
      'mapping/growth.yaml:16:7: growth.t.m is filled by mm, and there is no such function',
    ]);
  });

  test('rules that fit have nothing against them, and the remedy for several columns helps', async () => {
    const findings = await pair.checkColumns(
      {
        source: SOURCE,
        target:
          'id int PRIMARY KEY, c int, role growth.role, e int NOT NULL, f text, o jsonb, l uuid, s text[], n numeric',
      },
      `${DROPPED}    columns:
      c: {from: a, cast: int}
      role: {from: kind, steps: [{map: {x: r}, else: null}]}
      e: {from: a, steps: [trim, {default: 0}], cast: integer}
      f: {template: "{kind} {b}"}
      o: {object: {b: b, u: u}}
      l: {uuid: [id], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}
      s: {from: a, steps: [{split: ","}]}
      n: {from: b, steps: [{default: 1.5}]}
`,
    );
    expect(problems(findings)).toEqual([]);
  });

  test.each([
    ['n = 1', '`where` compares n, of a type whose equal values may be written in two ways', 'f'],
    ["kind = 'z'", 'kind has no value "z"', 'f'],
    ['b = 07', 'no value of b is written "07"', 'f'],
    ["kind = 'x'", '`where` cannot be decided: a change does not say how its row was before, nor carry a where', 'd'],
    ["knd = 'x'", 'public.t has no column knd; did you mean kind?', 'd'],
  ])('where: %s', async (where, message, identity) => {
    const columns = SOURCE.replace('public.kind', 'text');
    await pair.source.query(
      `CREATE TABLE public.t (${SOURCE})${identity === 'f' ? '; ALTER TABLE public.t REPLICA IDENTITY FULL' : ''}`,
    );
    await pair.target.query(`CREATE TABLE growth.t (${columns})`);
    const found = await pair.checkMapping(`  t:\n    from: public.t\n    where: ${JSON.stringify(where)}\n`);
    expect(only(found, where.startsWith('knd') ? 'renamed-columns' : 'row-filter').message).toContain(message);
  });

  test('the key must move', async () => {
    const findings = await pair.checkColumns(
      { source: 'id int PRIMARY KEY, a int', target: 'a int' },
      '    drop: [id]\n',
    );
    expect(only(findings, 'target-key').message).toBe(
      'mapping/growth.yaml:3:3: the key column public.t.id must move as it is: rows are found by it',
    );
  });
});
