import { partitionName } from '../../../core/topics.js';
import type { LogRecord, ReadOptions, TopicPartition } from '../port.js';
import type { PartitionClients } from './partition-clients.js';
import { type FetchedRecord, firstOffset, PartJoiner } from './parts.js';

/** Brokers answer with at most 55 MiB (`fetch.max.bytes`); a larger wish only costs them. */
const MAX_FETCH_BYTES = 50 * 1024 * 1024;
/** Of a record in parts, which is wanted whole however little was asked for. */
const PARTS_FETCH_BYTES = 8 * 1024 * 1024;

type Place = TopicPartition & { readonly offset: number };

/** A record whose last parts have not come yet: read on, not anew. */
interface Unfinished {
  readonly from: number;
  readonly next: number;
  readonly joiner: PartJoiner;
}

/** Reads records, those in parts put together. */
export class RecordReader {
  readonly #clients: Pick<PartitionClients, 'request'>;
  readonly #unfinished = new Map<string, Unfinished>();

  constructor(clients: Pick<PartitionClients, 'request'>) {
    this.#clients = clients;
  }

  /** As `EventLog.read`; it throws where that ends with nothing. */
  async read(from: Place, { maxBytes: asked, waitMs, signal }: ReadOptions): Promise<LogRecord[]> {
    const maxBytes = Math.min(Math.max(asked, 1), MAX_FETCH_BYTES);
    const deadline = performance.now() + waitMs;
    const leftMs = () => Math.max(0, deadline - performance.now());
    let { next, joiner } = this.#resume(from);
    for (let isFirst = next === from.offset; ; isFirst = false) {
      const wanted = joiner.isOpen ? Math.max(maxBytes, PARTS_FETCH_BYTES) : maxBytes;
      const at = next;
      const fetched = await this.#clients.request(from, { verb: 'read', signal }, (client) =>
        client.fetch(at, { maxBytes: wanted, waitMs: leftMs() }),
      );
      const start = isFirst && fetched.records[0] ? firstOffset(fetched.records[0]) : next;
      if (start < next) {
        // From within a record: it is read from its beginning.
        next = start;
        continue;
      }
      const records = upTo(maxBytes, joined(fetched.records, joiner, from.offset));
      if (records.length > 0) return records;
      if (fetched.nextOffset === next && leftMs() === 0) {
        if (joiner.isOpen) this.#unfinished.set(partitionName(from), { from: from.offset, next, joiner });
        return [];
      }
      next = fetched.nextOffset;
    }
  }

  /** The last record before an end that was asked for. */
  async last(at: TopicPartition, end: number): Promise<LogRecord | undefined> {
    // The offset before the end holds a record, unless a transaction's marker or parts of none stand there: further back.
    for (let back = 1; back < end * 2; back *= 2) {
      let found: LogRecord | undefined;
      for (let offset = Math.max(0, end - back); offset < end; ) {
        const [record] = await this.read({ ...at, offset }, { maxBytes: 1, waitMs: 0 });
        if (!record || record.offset >= end) break;
        found = record;
        offset = record.offset + 1;
      }
      if (found) return found;
    }
    return undefined;
  }

  #resume(from: Place): { next: number; joiner: PartJoiner } {
    const name = partitionName(from);
    const unfinished = this.#unfinished.get(name);
    // Whoever else reads the partition meanwhile begins anew.
    this.#unfinished.delete(name);
    return unfinished?.from === from.offset ? unfinished : { next: from.offset, joiner: new PartJoiner() };
  }
}

function joined(messages: readonly FetchedRecord[], joiner: PartJoiner, from: number): LogRecord[] {
  return messages.flatMap((message) => {
    const record = joiner.take(message);
    return record && record.offset >= from ? [record] : [];
  });
}

/** The first records, up to the one that reaches `maxBytes`. */
function upTo(maxBytes: number, records: readonly LogRecord[]): LogRecord[] {
  const taken: LogRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (bytes >= maxBytes) break;
    taken.push(record);
    bytes += record.value.length;
  }
  return taken;
}
