import { expect, test } from 'vitest';
import { MemoryLog } from '../test/support/memory-log.js';
import { RecordBuilder, relationOf } from '../test/support/record-builder.js';
import { tallyPartition } from './tally-partition.js';

const AT = { topic: 'p.raw', partition: 0 };
const users = relationOf(1, 'public.users', ['id']);

/** A record of each transaction, with a row. */
function transactions(...lsns: readonly string[]): Buffer[] {
  const builder = new RecordBuilder().relation(users);
  return lsns.flatMap((lsn) =>
    builder
      .begin(lsn)
      .row(1, 'c', { new: [lsn] })
      .commit()
      .take(),
  );
}

test('what comes late once more counts once, for whoever goes on behind it too', async () => {
  const log = new MemoryLog();
  const [first, second, third] = transactions('0/100', '0/200', '0/300');
  log.put(AT.topic, [first!, second!]);
  log.put(AT.topic, [first!]);
  const tally = new Map<string, number>();
  const counted = await tallyPartition(log, AT, 0, tally);
  expect([...tally]).toEqual([['public.users', 2]]);
  log.put(AT.topic, [second!, third!]);
  await tallyPartition(log, AT, counted.next, tally);
  expect([...tally]).toEqual([['public.users', 3]]);
});
