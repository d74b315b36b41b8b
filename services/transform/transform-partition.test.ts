import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TableMapping } from '../../core/mapping.js';
import { type TransformState, transformStateKey } from '../../core/stage-state.js';
import { topicsOf } from '../../core/topics.js';
import type { LogRecord, ReadOptions, TopicPartition } from '../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import type { ServiceContext } from '../../platform/service.js';
import { eventually } from '../../test/support/eventually.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import { RecordBuilder, relationOf } from '../../test/support/record-builder.js';
import { transformPartition } from './transform-partition.js';

const topics = topicsOf('p', 1);
const USERS = {
  source: { schema: 'public', table: 'users' },
  target: { schema: 'shared', table: 'users' },
  rename: new Map(),
} as unknown as TableMapping;

/** Its readers leave others their turn. */
class WaitingLog extends MemoryLog {
  override async read(from: TopicPartition & { offset: number }, options: ReadOptions): Promise<LogRecord[]> {
    const records = await super.read(from, options);
    if (records.length === 0) await sleep(1);
    return records;
  }
}

test('when nothing follows, the state tells of the last append, too', async () => {
  const log = new WaitingLog();
  const stop = new AbortController();
  const context = {
    pipeline: { name: 'p', tables: [USERS] } as unknown as LoadedPipeline,
    log,
    logger: silentLogger,
    signal: stop.signal,
    passed: () => {},
  } as unknown as ServiceContext;
  const running = transformPartition(context, 0);
  const captured = (id: number) => {
    const builder = new RecordBuilder().relation(relationOf(1, 'public.users', ['id']));
    log.put(
      topics.raw,
      builder
        .begin(`0/${id}00`)
        .row(1, 'c', { new: [String(id)] })
        .commit()
        .take(),
    );
    return log.records(topics.raw).length;
  };
  const taken = async () => ((await log.control.get(transformStateKey(0, 1))) as TransformState | undefined)?.raw ?? 0;
  try {
    for (const id of [1, 2, 3]) {
      const end = captured(id);
      const arrived = () => log.records(topics.domain('shared')).length === end;
      await Promise.race([running, eventually(arrived, { what: `record ${id}`, timeoutMs: 5_000 })]);
    }
    await eventually(async () => (await taken()) === 3, { what: 'a state of all', timeoutMs: 10_000 });
  } finally {
    stop.abort();
    await running;
  }
  expect(await taken()).toBe(3);
});
