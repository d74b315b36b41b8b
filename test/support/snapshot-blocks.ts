import { parseCopyField } from '../../core/copy-text.js';
import { RecordScanner } from '../../core/record-scanner.js';
import type { EventLog } from '../../platform/event-log/port.js';

/** A block of snapshot rows, as it stands in a topic. */
export interface SnapshotBlock {
  readonly table: string;
  /** First column of each row. */
  readonly keys: readonly string[];
  /** Its chunk ends with it, and a restart goes on behind it. */
  readonly endsChunk: boolean;
}

/** Every block of snapshot rows in a topic, in its order. */
export async function snapshotBlocks(log: EventLog, topic: string): Promise<SnapshotBlock[]> {
  const blocks: SnapshotBlock[] = [];
  for (let offset = 0; ; ) {
    const records = await log.read({ topic, partition: 0, offset }, { maxBytes: 1024 * 1024, waitMs: 0 });
    if (records.length === 0) return blocks;
    for (const { value } of records) blocks.push(...blocksOf(value));
    offset = records.at(-1)!.offset + 1;
  }
}

function blocksOf(record: Buffer): SnapshotBlock[] {
  const names = new Map<number, string>();
  const blocks: SnapshotBlock[] = [];
  const scanner = new RecordScanner(record);
  while (scanner.next()) {
    if (scanner.kind === 'relation') {
      const { relation, schema, table } = scanner.relationLine();
      names.set(relation, `${schema}.${table}`);
    } else if (scanner.kind === 'rows') {
      const lines = record.toString('utf8', scanner.bodyStart, scanner.end).split('\n').slice(0, -1);
      blocks.push({
        table: names.get(scanner.relation)!,
        keys: lines.map((line) => parseCopyField(line.split('\t', 1)[0]!)!),
        endsChunk: scanner.rows().chunk !== undefined,
      });
    }
  }
  return blocks;
}
