import { LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { isAfter, justBefore, type Position } from '../../core/position.js';
import { type RowLine, type RowsLine, relationFromLine, type TruncateLine } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';
import { displayName } from '../../core/relation.js';
import type { Batch, EverywhereStep, Progress, RowBlock, TableStep } from './batch.js';
import { copyLines, copyValues, partRows } from './copy-rows.js';
import { type ChangeSet, fold } from './fold.js';
import { foldJoined, widened } from './fold-joined.js';
import { type Letter, type Place, rowLetter, truncateLetter } from './letter.js';
import { SnapshotDue } from './snapshot-due.js';
import { StandingKeys } from './standing-keys.js';
import { fitBlock, fitRow, type TableGate, type Version } from './table-gate.js';
import type { TableShape } from './table-shape.js';

/**
 * Reads domain records into batches: drops what the checkpoint has and what a late append put into the topic again,
 * and lets through what the gate does.
 */
export class BatchReader {
  readonly #gate: TableGate;
  readonly #commitsEach: boolean;
  readonly #standing: StandingKeys;
  /** By the relation line's text. */
  readonly #versions = new Map<string, Version>();
  readonly #byId = new Map<number, Version>();
  /** The last position taken. */
  #afterLsn: Lsn;
  #afterIndex: number;
  readonly #until: Position | undefined;
  readonly #isTimed: boolean;
  #lsn = LSN_ZERO as Lsn;
  #time: string | null = null;

  /**
   * @param options.commitsEach commits every event on its own, without regard to source transactions.
   * @param options.standing what changes must follow into the dead letters; added to as they do. Of batches that fold.
   * @param options.until what comes behind it is dropped.
   * @param options.isTimed changes keep their commit times.
   */
  constructor(
    after: Position,
    gate: TableGate,
    options: {
      readonly commitsEach?: boolean;
      readonly standing?: StandingKeys;
      readonly until?: Position | undefined;
      readonly isTimed?: boolean;
    } = {},
  ) {
    this.#commitsEach = options.commitsEach ?? false;
    this.#standing = options.standing ?? new StandingKeys();
    this.#afterLsn = after.lsn;
    this.#afterIndex = after.index;
    this.#until = options.until;
    this.#isTimed = options.isTimed ?? false;
    this.#gate = gate;
  }

  /** @throws ChangeDue, SnapshotDue, and what {@link TableGate.arrive} throws. */
  read(record: Buffer, offset: number, batch: Batch): void {
    const scanner = new RecordScanner(record);
    while (scanner.next()) {
      switch (scanner.kind) {
        case 'transaction': {
          const line = scanner.transaction();
          this.#lsn = parseLsn(line.tx);
          this.#time = line.time;
          break;
        }
        case 'relation':
          this.#relation(scanner);
          break;
        default:
          this.#event(record, offset, scanner, batch);
      }
    }
    batch.bytes += record.length;
    batch.progress = { ...batch.progress, nextOffset: offset + 1 };
  }

  #event(record: Buffer, offset: number, scanner: RecordScanner, batch: Batch): void {
    if (scanner.index <= this.#afterIndex && this.#lsn === this.#afterLsn) return;
    if (this.#lsn < this.#afterLsn) return;
    if (this.#until && isAfter({ lsn: this.#lsn, index: scanner.index }, this.#until)) return;
    this.#afterLsn = this.#lsn;
    this.#afterIndex = scanner.index;
    batch.isComplete = scanner.kind === 'commit';
    if (!batch.isFolding) batch.place = this.#place(offset);
    switch (scanner.kind) {
      case 'row':
        this.#row(this.#byId.get(scanner.relation)!, record, scanner, { offset, batch });
        break;
      case 'rows':
        this.#rows(
          this.#byId.get(scanner.relation)!,
          { line: scanner.rows(), text: record.subarray(scanner.bodyStart, scanner.end) },
          offset,
          batch,
        );
        break;
      case 'truncate':
        this.#truncate(scanner.truncate(), offset, batch);
        break;
      case 'commit':
        batch.transactionEnds();
        batch.progress = {
          ...batch.progress,
          position: { lsn: this.#lsn, index: scanner.index },
          commitEnd: parseLsn(scanner.commit().end),
          commitTime: this.#time,
        };
        break;
      default:
        break;
    }
    if (this.#commitsEach && !batch.joined.isOpen) batch.checkpoint(this.#within(offset, batch));
  }

  #row(
    version: Version,
    record: Buffer,
    scanner: RecordScanner,
    { offset, batch }: { readonly offset: number; readonly batch: Batch },
  ): void {
    const shape = this.#shapeOf(version, offset, batch);
    if (!shape) return leaveOut(version, 1, batch);
    const isAwaited = !this.#standing.isEmpty && this.#standing.isAbout(shape.name);
    const at = version.take || isAwaited || this.#isTimed ? undefined : scanner.newStart();
    if (at !== undefined && batch.wholeRow(shape, record, at, scanner.end)) return;
    const row = fitRow(version, scanner.row());
    if (row.everywhere) {
      const event = { step: stepOf(shape, row), origin: { place: this.#place(offset), row, shape } };
      return this.#everywhere([shape], event, offset, batch);
    }
    if (isAwaited) {
      const letter = rowLetter(shape, row, this.#place(offset));
      if (this.#follows(letter, batch)) return;
    }
    batch.row(shape, row, this.#isTimed ? this.#time! : undefined);
  }

  #rows(version: Version, given: Pick<RowBlock, 'line' | 'text'>, offset: number, batch: Batch): void {
    const shape = this.#shapeOf(version, offset, batch);
    if (!shape) return leaveOut(version, given.line.rows, batch);
    const block = { shape, ...fitBlock(version, given.line, given.text) };
    if (shape.join) return this.#joinedRows(block, offset, batch);
    const { following, rest } = partRows(block, this.#standing, this.#place(offset));
    for (const letter of following) batch.follow(letter);
    batch.rows(rest.shape, rest.line, rest.text);
  }

  /** A repair reads rows again: as if they were created. */
  #joinedRows({ shape, line, text }: RowBlock, offset: number, batch: Batch): void {
    const isAwaited = this.#standing.isAbout(shape.name);
    for (const copied of copyLines(text)) {
      const row = rowOfCopied(shape, line, copied);
      if (isAwaited && this.#follows(rowLetter(shape, row, this.#place(offset)), batch)) continue;
      batch.row(shape, row);
    }
    batch.rows(shape, { ...line, rows: 0 }, Buffer.alloc(0));
  }

  #truncate(line: TruncateLine, offset: number, batch: Batch): void {
    const { relations, restartIdentity, everywhere, beginsSnapshot } = line;
    const versions = relations.map((id) => this.#byId.get(id)!);
    if (beginsSnapshot && !this.#gate.leavesOut(versions[0]!.relation, this.#lsn)) {
      return this.#beginsSnapshot(versions[0]!, { offset, everywhere: everywhere ?? false }, batch);
    }
    const shapes: TableShape[] = [];
    for (const version of versions) {
      this.#gate.holdAt(version, { lsn: this.#afterLsn, index: this.#afterIndex });
      const shape = this.#shapeOf(version, offset, batch);
      if (!shape) leaveOut(version, 1, batch);
      else if (this.#isSeenTo(version, offset, batch)) batch.leaveOut(shape, 1);
      else shapes.push(shape);
    }
    if (shapes.length === 0) return;
    if (everywhere) {
      const event = {
        step: { kind: 'truncate', shapes, restartIdentity },
        origin: { place: this.#place(offset) },
      } as const;
      return this.#everywhere(shapes, event, offset, batch);
    }
    if (this.#follows(truncateLetter(shapes, restartIdentity, this.#place(offset)), batch)) return;
    batch.truncate(shapes, restartIdentity);
  }

  /** Whether an operator has done what is to be done in the place of the truncate. */
  #isSeenTo(version: Version, offset: number, batch: Batch): boolean {
    const position = { lsn: this.#afterLsn, index: this.#afterIndex };
    const seen = this.#gate.truncate(version, { position, offset });
    if (seen) batch.version(seen);
    return seen !== undefined;
  }

  #beginsSnapshot(
    { relation, track }: Version,
    at: { readonly offset: number; readonly everywhere: boolean },
    batch: Batch,
  ): void {
    if (!this.#until) {
      const position = { lsn: this.#afterLsn, index: this.#afterIndex };
      throw new SnapshotDue(relation, { ...at, position });
    }
    // Others' are seen to. A table that catches up comes to its own in a replay only, and nothing of before was taken.
    if (!track.heldAfter) batch.leaveOut({ source: track.source, name: displayName(relation) }, 1);
  }

  #follows(letter: Letter, batch: Batch): boolean {
    if (!this.#standing.holds(letter)) return false;
    this.#standing.add(letter);
    batch.follow(letter);
    return true;
  }

  #everywhere(
    shapes: readonly TableShape[],
    event: Pick<EverywhereStep, 'step' | 'origin'>,
    offset: number,
    batch: Batch,
  ): void {
    const progress = this.#within(offset, batch);
    const { position } = progress;
    batch.checkpoint({ ...progress, position: justBefore(position) });
    batch.everywhere(shapes, event, progress);
  }

  /** @returns undefined for what is held. */
  #shapeOf(version: Version, offset: number, batch: Batch): TableShape | undefined {
    if (version.track.current === version) return version.shape;
    const position = { lsn: this.#afterLsn, index: this.#afterIndex };
    const seen = this.#gate.arrive(version, { position, offset });
    if (seen) batch.version(seen);
    return version.shape;
  }

  /** Lets the batch end here, in the middle of a source transaction or not. */
  endHere(offset: number, batch: Batch): void {
    batch.progress = this.#within(offset, batch);
    batch.isComplete = true;
  }

  #place(offset: number): Place {
    return { offset, position: { lsn: this.#afterLsn, index: this.#afterIndex }, time: this.#time };
  }

  /** Behind the event just taken; what follows it in its record is read from there again. */
  #within(offset: number, batch: Batch): Progress {
    return { ...batch.progress, nextOffset: offset, position: { lsn: this.#afterLsn, index: this.#afterIndex } };
  }

  #relation(scanner: RecordScanner): void {
    const text = scanner.relationText();
    let version = this.#versions.get(text);
    if (!version) {
      version = this.#gate.version(relationFromLine(scanner.relationLine()));
      this.#versions.set(text, version);
    }
    this.#byId.set(version.relation.id, version);
  }
}

/** What is held is read again; what is left out never is. */
function leaveOut({ isLeftOut, track, relation }: Version, rows: number, batch: Batch): void {
  if (isLeftOut) batch.leaveOut({ source: track.source, name: displayName(relation) }, rows);
}

export function stepOf(shape: TableShape, row: RowLine): Extract<TableStep, { kind: 'changes' | 'move' }> {
  const { join } = shape;
  const set: ChangeSet = { shape: join?.whole ?? shape, changes: new Map() };
  const move = join ? foldJoined(set, join.role, widened(join, row), new Map()) : fold(set, row);
  return move && move !== 'behind' ? { kind: 'move', move } : { kind: 'changes', set };
}

function rowOfCopied({ columns, relation }: TableShape, line: RowsLine, copied: Buffer): RowLine {
  const values = copyValues(copied);
  const row = columns.map(({ name }) => values[line.columns.indexOf(name)]!);
  return { rel: relation.id, ix: line.ix, op: 'c', new: row };
}
