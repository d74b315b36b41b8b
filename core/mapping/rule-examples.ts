import type { RuleName, StepName } from './column-rule.js';

/** A rule as it is written, a row of the source, and what the target's column gets. A test runs each. */
export interface RuleExample {
  /** YAML. */
  readonly rule: string;
  /** With `lookup`: an entry of `shared`, the schema of the table itself. */
  readonly beside?: string;
  /** Texts by column; the table's other columns do not matter. */
  readonly row: Readonly<Record<string, string | null>>;
  readonly gives: string | null;
}

export const RULE_EXAMPLES: Readonly<Record<RuleName, RuleExample>> = {
  from: { rule: '{from: mail}', row: { mail: 'ada@example.org' }, gives: 'ada@example.org' },
  constant: { rule: '{constant: growth}', row: {}, gives: 'growth' },
  concat: { rule: '{concat: [code, number]}', row: { code: 'A', number: '7' }, gives: 'A7' },
  separator: {
    rule: '{concat: [street, floor, city], separator: ", "}',
    row: { street: 'Kai 1', floor: null, city: 'Kiel' },
    gives: 'Kai 1, Kiel',
  },
  template: { rule: '{template: "{first} {last}"}', row: { first: 'Ada', last: 'Lovelace' }, gives: 'Ada Lovelace' },
  coalesce: { rule: '{coalesce: [nickname, name]}', row: { nickname: null, name: 'Ada' }, gives: 'Ada' },
  object: {
    rule: '{object: {city: city, zip: zip}}',
    row: { city: 'Kiel', zip: null },
    gives: '{"city": "Kiel", "zip": null}',
  },
  uuid: {
    rule: '{uuid: [name], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}',
    row: { name: 'python.org' },
    gives: '886313e1-3b8a-5372-9b90-0c9aee199e5d',
  },
  namespace: {
    rule: '{uuid: [tenant, id], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}',
    row: { tenant: 'a', id: '7' },
    gives: '15253892-c54c-5f52-b17a-0bae6d52b233',
  },
  lookup: {
    rule: '{lookup: shared.users.id, of: [owner]}',
    beside:
      'users: {from: public.users, lineage: true, columns: {id: {uuid: [id], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}}}',
    row: { owner: '7' },
    gives: 'a9f96b98-dd44-5216-ab0d-dbfc6b262edf',
  },
  of: {
    rule: '{lookup: shared.members.id, of: [team, member]}',
    beside: 'members: {from: public.members, lineage: true, columns: {id: {template: "{team}-{no}"}}}',
    row: { team: 'a', member: '7' },
    gives: 'a-7',
  },
  in: {
    rule: '{lookup: shared.keys.id, of: [key], in: public.old_keys}',
    beside:
      'keys: {merge: [{from: public.keys}, {from: public.old_keys, columns: {id: {from: id, steps: [{prefix: old-}]}}}]}',
    row: { key: '7' },
    gives: 'old-7',
  },
  call: { rule: '{call: initials, args: [name]}', row: { name: 'Ada Byron' }, gives: 'AB' },
  args: { rule: '{call: initials, args: [name]}', row: { name: 'Ada' }, gives: 'A' },
  steps: {
    rule: '{from: mail, steps: [trim, lower, {nullif: ""}]}',
    row: { mail: ' Ada@Example.ORG ' },
    gives: 'ada@example.org',
  },
  cast: { rule: '{from: age, steps: [trim], cast: integer}', row: { age: ' 36 ' }, gives: '36' },
};

export const STEP_EXAMPLES: Readonly<Record<StepName, RuleExample>> = {
  trim: { rule: '{from: a, steps: [trim]}', row: { a: ' x y ' }, gives: 'x y' },
  lower: { rule: '{from: a, steps: [lower]}', row: { a: 'ÄB' }, gives: 'äb' },
  upper: { rule: '{from: a, steps: [upper]}', row: { a: 'äb' }, gives: 'ÄB' },
  nullif: { rule: '{from: a, steps: [{nullif: none}]}', row: { a: 'none' }, gives: null },
  default: { rule: '{from: a, steps: [{default: 0}]}', row: { a: null }, gives: '0' },
  map: { rule: '{from: a, steps: [{map: {open: active, shut: closed}}]}', row: { a: 'shut' }, gives: 'closed' },
  else: { rule: '{from: a, steps: [{map: {open: active}, else: closed}]}', row: { a: 'torn down' }, gives: 'closed' },
  prefix: { rule: '{from: path, steps: [{prefix: growth/}]}', row: { path: 'a/b.png' }, gives: 'growth/a/b.png' },
  suffix: { rule: '{from: a, steps: [{suffix: .png}]}', row: { a: 'b' }, gives: 'b.png' },
  replace: {
    rule: '{from: url, steps: [{replace: {"http:": "https:"}}]}',
    row: { url: 'http://x' },
    gives: 'https://x',
  },
  json: {
    rule: '{from: data, steps: [{json: "address.lines[0]"}]}',
    row: { data: '{"address": {"lines": ["Kai 1"]}}' },
    gives: 'Kai 1',
  },
  split: { rule: '{from: tags, steps: [{split: ","}]}', row: { tags: 'a,b' }, gives: '{"a","b"}' },
  join: { rule: '{from: tags, steps: [{join: ";"}]}', row: { tags: '{a,NULL,"b c"}' }, gives: 'a;b c' },
};
