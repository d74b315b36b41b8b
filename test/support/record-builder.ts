import { formatLsn, type Lsn, parseLsn } from '../../core/lsn.js';
import type { Position } from '../../core/position.js';
import { type ChunkMark, type RowOp, relationToLine, type Tuple } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { RecordWriter } from '../../core/record-writer.js';
import type { Relation } from '../../core/relation.js';

export const TIME = '2026-01-31T12:00:00.123456Z';

/** A relation of text columns; `key` names its key, or else the first `keyColumns` are it. */
export function relationOf(
  id: number,
  name: string,
  columns: readonly string[],
  options: { key?: readonly string[]; keyColumns?: number; identity?: Relation['identity']; source?: string } = {},
): Relation {
  const [schema, table] = name.split('.') as [string, string];
  return {
    id,
    schema,
    table,
    identity: options.identity ?? 'd',
    columns: columns.map((column, i) => ({
      name: column,
      type: 25,
      typmod: -1,
      key: options.key?.includes(column) ?? i < (options.keyColumns ?? 1),
    })),
    ...(options.source === undefined ? {} : { source: options.source }),
  };
}

/** Writes a topic's records, event by event; indexes within the transaction count by themselves. */
export class RecordBuilder {
  readonly #writer: RecordWriter;
  #lsn: Lsn = parseLsn('0/0');
  #index = 0;

  /** @param limitBytes 1 makes a record of each event. */
  constructor(limitBytes?: number) {
    this.#writer = new RecordWriter(limitBytes);
  }

  /** @param from the first event's index, for a transaction that goes on. */
  begin(lsn: string, { xid = 700, time = TIME, from = 0 } = {}): this {
    this.#lsn = parseLsn(lsn);
    this.#index = from;
    this.#writer.begin(JSON.stringify({ tx: formatLsn(this.#lsn), xid, time }));
    return this;
  }

  relation(relation: Relation): this {
    this.#writer.relation(relation.id, JSON.stringify(relationToLine(relation)));
    return this;
  }

  row(relationId: number, op: RowOp, tuples: { key?: Tuple; old?: Tuple; new?: Tuple }): this {
    const position = this.#next();
    const { key, old, new: row } = tuples;
    const line = {
      rel: relationId,
      ix: position.index,
      op,
      ...(key && { key }),
      ...(old && { old }),
      ...(row && { new: row }),
    };
    this.#writer.line(position, JSON.stringify(line), [relationId]);
    return this;
  }

  /** @param text whole lines of COPY text. */
  rows(relation: Relation, text: string, options: { chunk?: ChunkMark; gaveWay?: number } = {}): this {
    const position = this.#next();
    const body = Buffer.from(text);
    const line = {
      rel: relation.id,
      ix: position.index,
      op: 'r',
      rows: text.split('\n').length - 1,
      ...(options.gaveWay === undefined ? {} : { gaveWay: options.gaveWay }),
      bytes: body.length,
      columns: relation.columns.map((column) => column.name),
      ...(options.chunk && { chunk: options.chunk }),
    };
    const out = this.#writer.event(position, relation.id);
    out.text(`${JSON.stringify(line)}\n`);
    out.bytes(body);
    return this;
  }

  truncate(
    relations: readonly number[],
    flags: { cascade?: boolean; restartIdentity?: boolean; beginsSnapshot?: true; everywhere?: true } = {},
  ): this {
    const position = this.#next();
    const line = { rel: 0, ix: position.index, op: 't', relations, cascade: false, restartIdentity: false, ...flags };
    this.#writer.line(position, JSON.stringify(line), relations);
    return this;
  }

  message(prefix: string, content = ''): this {
    const position = this.#next();
    this.#writer.line(position, JSON.stringify({ message: prefix, ix: position.index, content }));
    return this;
  }

  commit(end = formatLsn((this.#lsn + 0x30n) as Lsn)): this {
    const position = this.#next();
    this.#writer.commit(position, JSON.stringify({ commit: formatLsn(this.#lsn), ix: position.index, end }));
    return this;
  }

  /** The records so far; what follows begins another. */
  take(): Buffer[] {
    return this.#writer.take();
  }

  #next(): Position {
    return { lsn: this.#lsn, index: this.#index++ };
  }
}

/** A record's lines without its header, parsed; a snapshot's COPY text stands as `text` in its line. */
export function linesOf(record: Buffer): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const scanner = new RecordScanner(record);
  while (scanner.next()) {
    if (scanner.kind === 'rows') {
      lines.push({ ...scanner.rows(), text: record.toString('utf8', scanner.bodyStart, scanner.end) });
    } else {
      lines.push(JSON.parse(record.toString('utf8', scanner.start, scanner.end)));
    }
  }
  return lines;
}

export const linesOfAll = (records: readonly Buffer[]) => records.flatMap(linesOf);
