import { type Pipeline, parsePipeline } from '../core/config/pipeline.js';
import { copyLine } from '../core/copy-text.js';
import { formatLsn, type Lsn } from '../core/lsn.js';

import type { Relation } from '../core/relation.js';
import { RecordBuilder } from '../test/support/record-builder.js';

/** By PostgreSQL's OID: bigint, integer, text. */
const COLUMNS = {
  id: 20,
  team: 23,
  owner: 20,
  deputy: 20,
  year: 23,
  month: 23,
  email: 25,
  kind: 25,
  phone: 25,
  country: 25,
  picture: 25,
  site: 25,
  title: 25,
  data: 3802,
  at: 1184,
} as const;

const RELATION: Relation = {
  id: 16_385,
  schema: 'public',
  table: 'people',
  identity: 'd',
  columns: Object.entries(COLUMNS).map(([name, type]) => ({
    name,
    type,
    typmod: -1,
    key: name === 'id' || name === 'team',
  })),
};

const TEN = `
      email: {from: email, steps: [trim, lower]}
      role: {from: kind, steps: [{map: {a: admin, m: member}, else: guest}]}
      origin: {constant: crm}
      phone: {from: phone, steps: [{nullif: none}]}
      country: {from: country, steps: [upper, {default: DE}]}
      picture: {from: picture, steps: [{prefix: growth/}]}
      site: {from: site, steps: [{replace: {"http:": "https:"}}]}
      code: {template: "{team}-{id}"}
      owner: {coalesce: [deputy, owner]}
      period: {concat: [year, month], separator: "-"}`;

/** What a table's mapping says beside \`from\`. */
export const MAPPINGS = {
  move: '',
  'ten rules': `columns:${TEN}`,
  'ten rules and a filter': `where: team <> 3\n    columns:${TEN}`,
  'a uuid out of a key': 'columns: {ref: {uuid: [owner], namespace: 6ba7b810-9dad-11d1-80b4-00c04fd430c8}}',
  'a value out of jsonb': 'columns: {theme: {from: data, steps: [{json: theme.color}]}}',
} as const;
export type MappingName = keyof typeof MAPPINGS;

export function pipelineOf(name: MappingName): Pipeline {
  const text = 'pipeline: rules\nsource: {url: s}\ntarget: {url: t}\n';
  const mapping = `schema: growth\ntables:\n  people:\n    from: public.people\n    ${MAPPINGS[name]}\n`;
  return parsePipeline(
    { pipeline: { path: 'pipeline.yaml', text }, mappings: [{ path: 'mapping/growth.yaml', text: mapping }] },
    {},
  );
}

/** Every eighth row holds more than ASCII, and escapes. */
function row(i: number): (string | null)[] {
  const odd = i % 8 === 0;
  return [
    String(i),
    String(i % 5),
    String(1_000 + i),
    i % 3 === 0 ? null : String(2_000 + i),
    '2026',
    String(1 + (i % 12)),
    ` Person.${i}@Example.ORG`,
    'amg'[i % 3]!,
    i % 4 === 0 ? 'none' : `+49 30 ${100_000 + i}`,
    i % 5 === 0 ? null : 'fr',
    `pictures/${i}.png`,
    `http://example.org/${i}`,
    odd ? `Überschrift "${i}"` : `A title of some length, number ${i}`,
    `{"n": ${i}, "theme": {"dark": true, "color": "#00ff${i % 10}0"}}`,
    '2026-01-31 12:00:00.123456+00',
  ];
}

const PER_TRANSACTION = 10;
const PER_BLOCK = 1_000;

/** Rows as capture writes them: updates and inserts in transactions of ten. */
export function streamed(rows: number): Buffer[] {
  const builder = new RecordBuilder().relation(RELATION);
  for (let i = 0; i < rows; i += PER_TRANSACTION) {
    builder.begin(formatLsn(BigInt(0x1000 + i * 0x100) as Lsn));
    for (let k = i; k < i + PER_TRANSACTION; k++) builder.row(RELATION.id, k % 2 === 0 ? 'u' : 'c', { new: row(k) });
    builder.commit();
  }
  return builder.take();
}

/** Rows as the snapshot reads them: blocks of COPY text. */
export function copied(rows: number): Buffer[] {
  const builder = new RecordBuilder().relation(RELATION);
  for (let i = 0; i < rows; i += PER_BLOCK) {
    builder.begin(formatLsn(BigInt(0x1000 + i * 0x100) as Lsn));
    builder.rows(RELATION, Array.from({ length: PER_BLOCK }, (_, k) => copyLine(row(i + k))).join(''));
    builder.commit();
  }
  return builder.take();
}
