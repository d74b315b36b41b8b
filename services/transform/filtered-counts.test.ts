import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatLsn, type Lsn } from '../../core/lsn.js';
import { parseExpression } from '../../core/mapping/expression.js';
import type { TableMapping } from '../../core/mapping.js';
import { positionToJson } from '../../core/position.js';
import { type TransformState, transformStateKey } from '../../core/stage-state.js';
import { partitionName, topicsOf } from '../../core/topics.js';
import { ruleKit } from '../../platform/rule-kit.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import { RecordBuilder, relationOf } from '../../test/support/record-builder.js';
import { type Recovered, recover } from './recover.js';
import { Router } from './router.js';

const topics = topicsOf('p', 1);
const PLACE = { file: 'mapping/x.yaml', line: 1, column: 1 };
const users = relationOf(1, 'public.users', ['id']);
const routed = (schema: string, where: string): TableMapping => ({
  source: { schema: 'public', table: 'users' },
  target: { schema, table: 'users' },
  route: schema,
  rename: new Map(),
  rules: {
    where: { condition: parseExpression(where), place: PLACE },
    pick: undefined,
    drop: [],
    columns: new Map(),
    places: new Map(),
  },
  place: PLACE,
  columnPlaces: new Map(),
});
const TABLES = [routed('a', "id in ('0', '1')"), routed('b', "id <> '0'")];
const SCHEMAS = ['a', 'b'];

/** Ids of rows by transaction, a record each event. */
function rawOf(transactions: readonly (readonly number[])[]): Buffer[] {
  const builder = new RecordBuilder(1).relation(users);
  for (const [i, ids] of transactions.entries()) {
    builder.begin(formatLsn(BigInt(0x100 * (i + 1)) as Lsn));
    for (const id of ids) builder.row(1, 'c', { new: [String(id)] });
    builder.commit();
  }
  return builder.take();
}

/**
 * As raw is where an append of capture's arrived after all, behind what was appended in its place.
 * @param late which records come once more, and behind how many others, at the least.
 */
function withLate(records: readonly Buffer[], late: { from: number; count: number; behind: number }): Buffer[] {
  const from = Math.min(late.from, records.length);
  const again = records.slice(from, from + late.count);
  const end = Math.min(from + again.length + late.behind, records.length);
  return [...records.slice(0, end), ...again, ...records.slice(end)];
}

/** What transform puts down, as of its last append. */
function stateOf({ next, tallies, countedBefore }: Recovered, raw: number, router: Router): TransformState {
  const { taken, filtered, transformed } = tallies;
  return {
    raw: Math.max(raw, countedBefore),
    counted: positionToJson(router.countedThrough),
    next: Object.fromEntries(next),
    through: '0/0',
    time: null,
    taken: Object.fromEntries(taken),
    filtered: Object.fromEntries(filtered),
    transformed: Object.fromEntries(transformed),
  };
}

/** One life: so many appends, each of a few records; of the last one only some of the domains get theirs. */
async function live(log: MemoryLog, life: { appends: number[]; puts: boolean[]; isWhole: boolean }): Promise<void> {
  const recovered = await recover(log, topics, SCHEMAS, 0);
  const router = new Router({ tables: TABLES, kit: ruleKit, ...recovered });
  let offset = recovered.rawOffset;
  for (const [i, count] of life.appends.entries()) {
    const records = log
      .records(topics.raw)
      .filter((record) => record.offset >= offset)
      .slice(0, count);
    for (const record of records) router.take(record.value);
    const output = router.takeRecords();
    const isCut = i === life.appends.length - 1 && !life.isWhole;
    for (const { schema, values } of isCut ? output.slice(0, 1) : output) {
      log.put(topics.domain(schema), values);
      const at = { topic: topics.domain(schema), partition: 0 };
      recovered.next.set(partitionName(at), await log.endOffset(at));
    }
    if (isCut) return;
    offset = (records.at(-1)?.offset ?? offset - 1) + 1;
    if (life.puts[i]) await log.control.put(transformStateKey(0, 1), stateOf(recovered, offset, router));
  }
}

test('what is filtered counts once, whenever transform is killed and whatever comes late once more', async () => {
  const transactions = fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 4 }), { maxLength: 8 });
  const life = fc.record({
    appends: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }),
    puts: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    isWhole: fc.boolean(),
  });
  const late = fc.record({ from: fc.nat({ max: 12 }), count: fc.nat({ max: 5 }), behind: fc.nat({ max: 4 }) });
  await fc.assert(
    fc.asyncProperty(transactions, late, fc.array(life, { maxLength: 5 }), async (all, again, lives) => {
      const log = new MemoryLog();
      log.put(topics.raw, withLate(rawOf(all), again));
      for (const one of lives) await live(log, one);
      await live(log, { appends: [1_000], puts: [true], isWhole: true });
      const { tallies } = await recover(log, topics, SCHEMAS, 0);
      const ids = all.flat();
      const moved = { a: ids.filter((id) => id < 2).length, b: ids.filter((id) => id !== 0).length };
      for (const schema of ['a', 'b'] as const) {
        expect(tallies.transformed.get(schema) ?? 0).toBe(moved[schema]);
        expect(tallies.filtered.get(schema) ?? 0).toBe(ids.length - moved[schema]);
      }
    }),
  );
});
