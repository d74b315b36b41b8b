import { addTo, type Tally } from '../../core/ledger.js';
import { type Lsn, parseLsn } from '../../core/lsn.js';
import type { TableMapping } from '../../core/mapping.js';
import { isAfter, type Position } from '../../core/position.js';
import { MESSAGE, type TruncateLine } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { RecordWriter } from '../../core/record-writer.js';
import { type CompiledRelation, compileRelation } from './compile-mapping.js';

/** Where a domain topic ends: what comes again up to there is dropped. */
export interface DomainEnd {
  readonly position: Position;
  /** The last event was a commit. */
  readonly complete: boolean;
}

export interface RouterTallies {
  readonly taken: Tally;
  readonly filtered: Tally;
  readonly transformed: Tally;
}

interface Domain {
  readonly writer: RecordWriter;
  end: DomainEnd;
  /** The open transaction has an event here, so its commit belongs here too. */
  touched: boolean;
}

/**
 * Routes raw records to the domain topics. Rows that only move are copied as bytes: neither parsed nor written anew.
 * Pure: records in, records out.
 */
export class Router {
  readonly #tables: readonly TableMapping[];
  readonly #domains: ReadonlyMap<string, Domain>;
  readonly #tallies: RouterTallies;
  /** By the relation line's text: equal text, equal relation. */
  readonly #compiled = new Map<string, CompiledRelation>();
  readonly #relations = new Map<number, CompiledRelation>();
  #transaction = '';
  #lsn = 0n as Lsn;
  #time: string | null = null;
  through: Lsn;
  throughTime: string | null;
  /** Row changes routed. */
  changes = 0;

  constructor(options: {
    tables: readonly TableMapping[];
    ends: ReadonlyMap<string, DomainEnd>;
    tallies: RouterTallies;
    through: Lsn;
    time: string | null;
  }) {
    this.#tables = options.tables;
    this.#tallies = options.tallies;
    this.through = options.through;
    this.throughTime = options.time;
    this.#domains = new Map(
      [...options.ends].map(([schema, end]) => [schema, { writer: new RecordWriter(), end, touched: false }]),
    );
  }

  /** Takes one raw record. */
  take(record: Buffer): void {
    const scanner = new RecordScanner(record);
    while (scanner.next()) {
      switch (scanner.kind) {
        case 'row':
          this.#row(record, scanner);
          break;
        case 'rows':
          this.#rows(record, scanner);
          break;
        case 'transaction':
          this.#begin(scanner);
          break;
        case 'commit':
          this.#commit(record, scanner);
          break;
        case 'relation':
          this.#relation(scanner);
          break;
        case 'truncate':
          this.#truncate(scanner.truncate());
          break;
        case 'message':
          this.#message(record, scanner);
          break;
        default:
          scanner.kind satisfies never;
      }
    }
  }

  /** The domain schemas' new records. */
  takeRecords(): { schema: string; values: Buffer[] }[] {
    return [...this.#domains].flatMap(([schema, { writer }]) =>
      writer.isEmpty ? [] : [{ schema, values: writer.take() }],
    );
  }

  #begin(scanner: RecordScanner): void {
    const line = scanner.transaction();
    // A record repeats the transaction that it continues.
    if (line.tx === this.#transaction) return;
    this.#transaction = line.tx;
    this.#lsn = parseLsn(line.tx);
    this.#time = line.time;
    const text = JSON.stringify(line);
    for (const domain of this.#domains.values()) {
      domain.touched = domain.end.position.lsn === this.#lsn && !domain.end.complete;
      domain.writer.begin(text);
    }
  }

  #commit(record: Buffer, scanner: RecordScanner): void {
    const position = { lsn: this.#lsn, index: scanner.index };
    const { end } = scanner.commit();
    const text = record.toString('latin1', scanner.start, scanner.end - 1);
    for (const domain of this.#domains.values()) {
      if (!domain.touched || !isAfter(position, domain.end.position)) continue;
      domain.writer.commit(position, text);
      domain.end = { position, complete: true };
    }
    const through = parseLsn(end);
    if (through < this.through) return;
    this.through = through;
    this.throughTime = this.#time;
  }

  #relation(scanner: RecordScanner): void {
    const text = scanner.relationText();
    let compiled = this.#compiled.get(text);
    const line = compiled ? undefined : scanner.relationLine();
    if (line) {
      compiled = compileRelation(line, this.#tables);
      this.#compiled.set(text, compiled);
    }
    const id = Number(text.slice('{"relation":'.length, text.indexOf(',')));
    // Said again in every record; only a change is news to the writer.
    if (this.#relations.get(id) === compiled) return;
    this.#relations.set(id, compiled!);
    if (compiled!.schema !== undefined) this.#domains.get(compiled!.schema)!.writer.relation(id, compiled!.line);
  }

  #row(record: Buffer, scanner: RecordScanner): void {
    const relation = this.#relations.get(scanner.relation)!;
    const out = this.#event(relation, scanner.relation, scanner.index, 1);
    out?.bytes(record, scanner.start, scanner.end);
  }

  #rows(record: Buffer, scanner: RecordScanner): void {
    const relation = this.#relations.get(scanner.relation)!;
    const line = scanner.rows();
    const out = this.#event(relation, scanner.relation, scanner.index, line.rows);
    if (!out) return;
    if (!relation.rename) {
      out.bytes(record, scanner.start, scanner.end);
      return;
    }
    const columns = line.columns.map((column) => relation.rename!.get(column) ?? column);
    out.text(`${JSON.stringify({ ...line, columns })}\n`);
    out.bytes(record, scanner.bodyStart, scanner.end);
  }

  #truncate(line: TruncateLine): void {
    const bySchema = new Map<string, number[]>();
    for (const id of line.relations) {
      const relation = this.#relations.get(id)!;
      if (relation.schema === undefined) this.#count(relation, 1);
      else bySchema.set(relation.schema, [...(bySchema.get(relation.schema) ?? []), id]);
    }
    for (const [schema, relations] of bySchema) {
      const domain = this.#domains.get(schema)!;
      const position = { lsn: this.#lsn, index: line.ix };
      if (!reaches(domain, position)) continue;
      for (const id of relations) this.#count(this.#relations.get(id)!, 1);
      domain.writer.line(position, JSON.stringify({ ...line, relations }), relations);
    }
  }

  /** Heartbeats and markers go to every domain: each proves on its own how far it is. */
  #message(record: Buffer, scanner: RecordScanner): void {
    const { message } = scanner.message();
    if (message !== MESSAGE.heartbeat && message !== MESSAGE.marker) return;
    const position = { lsn: this.#lsn, index: scanner.index };
    for (const domain of this.#domains.values()) {
      if (!reaches(domain, position)) continue;
      domain.writer.event(position).bytes(record, scanner.start, scanner.end);
    }
  }

  /** @returns where to write the event's line; undefined when it goes nowhere or stands there already. */
  #event(relation: CompiledRelation, id: number, index: number, rows: number) {
    if (relation.schema === undefined) {
      this.#count(relation, rows);
      return undefined;
    }
    const domain = this.#domains.get(relation.schema)!;
    const position = { lsn: this.#lsn, index };
    if (!reaches(domain, position)) return undefined;
    this.#count(relation, rows);
    return domain.writer.event(position, id);
  }

  #count(relation: CompiledRelation, rows: number): void {
    this.changes += rows;
    addTo(this.#tallies.taken, relation.source, rows);
    addTo(relation.schema === undefined ? this.#tallies.filtered : this.#tallies.transformed, relation.source, rows);
  }
}

/** Moves the domain's end to an event that is about to be written. @returns false when the domain has it already. */
function reaches(domain: Domain, position: Position): boolean {
  if (!isAfter(position, domain.end.position)) return false;
  domain.end = { position, complete: false };
  domain.touched = true;
  return true;
}
