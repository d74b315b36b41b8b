import { ByteWriter } from '../../core/byte-writer.js';
import { FerryError } from '../../core/errors.js';
import { addTo, type Tally } from '../../core/ledger.js';
import { type Lsn, parseLsn } from '../../core/lsn.js';
import type { RowMapper } from '../../core/mapping/row-mapper.js';
import type { RuleKit } from '../../core/mapping/rule-kit.js';
import { formatPlace, type TableMapping } from '../../core/mapping.js';
import { isAfter, nthIndex, type Position } from '../../core/position.js';
import { MESSAGE, type RowsLine, type TruncateLine } from '../../core/record.js';
import { RecordScanner, readSpan } from '../../core/record-scanner.js';
import { RecordWriter } from '../../core/record-writer.js';
import { displayName } from '../../core/relation.js';
import { refuseUnmapped } from '../../core/unmapped.js';
import { type CompiledRelation, type CompiledRoute, compileRelation } from './compile-mapping.js';
import { type Domain, type DomainEnd, headOf, reaches, writeHead } from './domain.js';

export interface RouterTallies {
  readonly taken: Tally;
  readonly filtered: Tally;
  readonly transformed: Tally;
}

/**
 * Routes raw records to the domain topics. Rows that only move are copied as bytes: neither parsed nor written anew;
 * those of a table with rules are made anew. Pure: records in, records out.
 */
export class Router {
  readonly #tables: readonly TableMapping[];
  readonly #kit: RuleKit;
  readonly #domains: ReadonlyMap<string, Domain>;
  readonly #tallies: RouterTallies;
  readonly #removed: ReadonlyMap<string, Lsn>;
  readonly #isMisplaced: (source: string) => boolean;
  /** Relations whose rows belong to another partition. */
  readonly #misplaced = new Set<CompiledRelation>();
  /** Rows of a snapshot, whose line says how long they are. */
  readonly #body = new ByteWriter();
  /** What is filtered leaves nothing in the output that says so: up to here it is counted. */
  #countedThrough: Position;
  /** The highest position of raw so far: what stands behind it and is not above it comes of a late append. */
  #rawEnd: Position;
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
  /** Markers routed: somebody waits for all that came before. */
  markers = 0;

  constructor(options: {
    tables: readonly TableMapping[];
    kit: RuleKit;
    ends: ReadonlyMap<string, DomainEnd>;
    tallies: RouterTallies;
    through: Lsn;
    time: string | null;
    /** What was filtered is counted up to this position of raw. */
    countedThrough: Position;
    /** The highest position of raw before what is taken first. */
    rawEnd: Position;
    /** By source table that was taken out of the mapping: up to which LSN it is left out. */
    removed?: ReadonlyMap<string, Lsn>;
    /** Whether rows of a source table belong to another partition than this one. */
    isMisplaced?: (source: string) => boolean;
  }) {
    this.#tables = options.tables;
    this.#kit = options.kit;
    this.#tallies = options.tallies;
    this.#removed = options.removed ?? new Map();
    this.#isMisplaced = options.isMisplaced ?? (() => false);
    this.#countedThrough = options.countedThrough;
    this.#rawEnd = options.rawEnd;
    this.through = options.through;
    this.throughTime = options.time;
    this.#domains = new Map(
      [...options.ends].map(([schema, end]) => [schema, { writer: new RecordWriter(), end, touched: false }]),
    );
  }

  /** The highest position of the records that were taken. */
  get countedThrough(): Position {
    return this.#countedThrough;
  }

  /**
   * Takes one raw record.
   * @throws FerryError `table-unmapped` for a table that the mapping does not have, and that was not removed from it;
   *   `mapping-invalid` for rules that do not fit a relation, and for merged tables whose rows are spread over partitions; `mapping-refused` for a row that they can make nothing of.
   */
  take(record: Buffer): void {
    const end = this.#rawEnd;
    const { first, last } = readSpan(record);
    if (!isAfter(last, end)) return;
    this.#rawEnd = last;
    const begins = isAfter(first, end);
    const scanner = new RecordScanner(record);
    while (scanner.next()) {
      if (!begins && isEvent(scanner) && !isAfter({ lsn: this.#lsn, index: scanner.index }, end)) continue;
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
    if (isAfter(last, this.#countedThrough)) this.#countedThrough = last;
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
      compiled = compileRelation(line, this.#tables, this.#kit);
      this.#compiled.set(text, compiled);
      if (this.#isMisplaced(compiled.source)) this.#misplaced.add(compiled);
    }
    const id = Number(text.slice('{"relation":'.length, text.indexOf(',')));
    // Said again in every record; only a change is news to the writer.
    if (this.#relations.get(id) === compiled) return;
    this.#relations.set(id, compiled!);
    for (const { schema, id, line } of compiled!.routes) this.#domains.get(schema)!.writer.relation(id, line);
  }

  #row(record: Buffer, scanner: RecordScanner): void {
    const relation = this.#relations.get(scanner.relation)!;
    if (relation.routes.length === 0) return this.#unmapped(relation, scanner.index, 1);
    if (this.#misplaced.has(relation)) throw this.#misplacedRows(relation);
    for (const route of relation.routes) {
      if (route.mapper) {
        this.#mappedRow(route, route.mapper, record, scanner);
        continue;
      }
      const out = this.#event(route, scanner, 1);
      if (!out) continue;
      // A call less for the many.
      if (route.nth === 0) out.bytes(record, scanner.start, scanner.end);
      else {
        writeHead(out, route, record, scanner);
        out.bytes(record, scanner.opAt, scanner.end);
      }
    }
  }

  #mappedRow(route: CompiledRoute, mapper: RowMapper, record: Buffer, scanner: RecordScanner): void {
    const selected = mapper.select(record, scanner);
    if (!selected) return this.#filtered(route.name, scanner.index, 1);
    const out = this.#event(route, scanner, 1);
    if (!out) return;
    writeHead(out, route, record, scanner);
    mapper.write(out, selected);
  }

  #rows(record: Buffer, scanner: RecordScanner): void {
    const relation = this.#relations.get(scanner.relation)!;
    const line = scanner.rows();
    if (relation.routes.length === 0) return this.#unmapped(relation, scanner.index, line.rows);
    // Of a chunk each partition has a part, which may be empty.
    if (line.rows > 0 && this.#misplaced.has(relation)) throw this.#misplacedRows(relation);
    const text = record.subarray(scanner.bodyStart, scanner.end);
    for (const route of relation.routes) {
      if (route.mapper) {
        this.#mappedRows(route, route.mapper, { line, text }, scanner);
        continue;
      }
      const out = this.#event(route, scanner, line.rows);
      if (!out) continue;
      if (!route.rename && route.nth === 0) {
        out.bytes(record, scanner.start, scanner.end);
        continue;
      }
      const columns = line.columns.map((column) => route.rename?.get(column) ?? column);
      out.text(`${JSON.stringify({ ...line, ...headOf(route, scanner), columns })}\n`);
      out.bytes(text);
    }
  }

  #mappedRows(
    route: CompiledRoute,
    mapper: RowMapper,
    { line, text }: { readonly line: RowsLine; readonly text: Buffer },
    scanner: RecordScanner,
  ): void {
    const selected = mapper.copied.select(line, text);
    const { rows, filtered } = selected;
    if (filtered > 0) this.#filtered(route.name, scanner.index, filtered);
    // Without a row, too: it may say that the copy is at its end.
    const out = this.#event(route, scanner, rows);
    if (!out) return;
    const body = this.#body;
    body.clear();
    const mapped = mapper.copied.write(body, selected);
    out.text(`${JSON.stringify({ ...mapped, ...headOf(route, scanner) })}\n`);
    out.bytes(body.view());
  }

  #truncate(line: TruncateLine): void {
    // Tables are emptied together, for references among them; each begins its copy by itself.
    const events = new Map<string, CompiledRoute[]>();
    for (const id of line.relations) {
      const relation = this.#relations.get(id)!;
      if (relation.routes.length === 0) this.#unmapped(relation, line.ix, 1);
      for (const route of relation.routes) {
        const event = line.beginsSnapshot ? route.name : route.schema;
        events.set(event, [...(events.get(event) ?? []), route]);
      }
    }
    for (const routes of events.values()) {
      const { schema, nth } = routes[0]!;
      const domain = this.#domains.get(schema)!;
      const ix = nthIndex(line.ix, line.beginsSnapshot ? nth : 0);
      const position = { lsn: this.#lsn, index: ix };
      if (!reaches(domain, position)) continue;
      for (const { name } of routes) this.#transformed(name, 1);
      const relations = routes.map(({ id }) => id);
      domain.writer.line(position, JSON.stringify({ ...line, ix, relations }), relations);
    }
  }

  /** Heartbeats and markers go to every domain: each proves on its own how far it is. */
  #message(record: Buffer, scanner: RecordScanner): void {
    const { message } = scanner.message();
    if (message !== MESSAGE.heartbeat && message !== MESSAGE.marker) return;
    if (message === MESSAGE.marker) this.markers++;
    const position = { lsn: this.#lsn, index: scanner.index };
    for (const domain of this.#domains.values()) {
      if (!reaches(domain, position)) continue;
      domain.writer.event(position).bytes(record, scanner.start, scanner.end);
    }
  }

  /** @returns where to write the event's line; undefined when it stands there already. */
  #event({ schema, name, nth, id }: CompiledRoute, { index }: RecordScanner, rows: number): ByteWriter | undefined {
    const domain = this.#domains.get(schema)!;
    const position = { lsn: this.#lsn, index: nthIndex(index, nth) };
    if (!reaches(domain, position)) return undefined;
    this.#transformed(name, rows);
    return domain.writer.event(position, id);
  }

  /** No mapping takes the table. */
  #unmapped({ source }: CompiledRelation, index: number, rows: number): void {
    refuseUnmapped(source, this.#lsn, this.#removed);
    this.#filtered(source, index, rows);
  }

  /** @param index of the event. */
  #filtered(name: string, index: number, rows: number): void {
    const isNew = isAfter({ lsn: this.#lsn, index }, this.#countedThrough);
    if (isNew) this.#count(this.#tallies.filtered, name, rows);
  }

  #transformed(name: string, rows: number): void {
    this.#count(this.#tallies.transformed, name, rows);
  }

  /** It was captured before its rows had to be in one partition: they may come in any, and none sees another's. */
  #misplacedRows({ source }: CompiledRelation): FerryError {
    const mappings = this.#tables.filter((table) => displayName(table.source) === source);
    const { place } = mappings.find(({ lineage }) => lineage) ?? mappings[0]!;
    return new FerryError(
      'mapping-invalid',
      `${formatPlace(place)}: the log has rows of ${source} spread over its partitions, from before the mapping brought them into one (\`merge\`, \`join\` or \`partitions\`)`,
      { details: { table: source }, remedy: 'Begin anew, ferry resync; or write the mapping as it was.' },
    );
  }

  #count(tally: Tally, name: string, rows: number): void {
    this.changes += rows;
    addTo(this.#tallies.taken, name, rows);
    addTo(tally, name, rows);
  }
}

const isEvent = ({ kind }: RecordScanner) => kind !== 'transaction' && kind !== 'relation';
