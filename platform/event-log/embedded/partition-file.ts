import { closeSync, fdatasync, fstatSync, fsyncSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { FerryError } from '../../../core/errors.js';
import type { LogRecord } from '../port.js';
import { findDurable, type PlacedFrame, scanFrames } from './frame-scan.js';
import { durableFrame, recordFrames, tornFrame } from './frames.js';
import { writeWhole } from './write-whole.js';

const sync = promisify(fdatasync);

/** Between two records: where in the file, and how many records stand before. */
interface Place {
  readonly position: number;
  readonly records: number;
}

/** Behind the last record that counts, in a file that had this size. */
interface End extends Place {
  /** What stands between the position and here is whole, but void. */
  readonly whole: number;
  readonly size: number;
}

const BEGINNING: Place = { position: 0, records: 0 };

/**
 * One partition: a file that is only ever appended to, by as many processes as like. The system puts every append
 * behind what is there; of two writers that took the same end, the records of the second are void, and it finds out.
 * No process ever waits for another, so none that hangs or dies holds up others. Records are seen once they are on disk.
 */
export class PartitionFile {
  readonly #path: string;
  /** Told from other writers' by chance. */
  readonly #writer: number;
  #fd: number | undefined;
  #mayWrite = false;
  /** Where this process's last append ended, or where it took over. */
  #end: End | undefined;
  /** Everything before it is on disk. */
  #durable: Place = BEGINNING;
  /** Positions by offset, of where reads ended. */
  readonly #places = new Map<number, number>();
  /** By offset: how large the file was when nothing was found there. What is void or cut off is not read again each time. */
  readonly #nothingAt = new Map<number, number>();

  constructor(path: string, writer: number) {
    this.#path = path;
    this.#writer = writer;
  }

  /** How many records are on disk. */
  endOffset(): number {
    const fd = this.#open();
    return fd === undefined ? 0 : this.#refreshDurable(fd).records;
  }

  /** As of a log. */
  read(offset: number, maxBytes: number): LogRecord[] {
    const fd = this.#open();
    if (fd === undefined) return [];
    const { size } = fstatSync(fd);
    if (this.#nothingAt.get(offset) === size) return [];
    const records: (LogRecord & { readonly end: number })[] = [];
    let bytes = 0;
    const isEnough = () => bytes >= maxBytes && records.at(-1)!.end <= this.#durable.position;
    for (const { frame, counts } of this.#frames(fd, this.#placeOf(fd, offset))) {
      // Beyond what is wanted it only looks for what says that it is on disk.
      if (counts && frame.kind === 'record' && frame.number >= offset && (records.length === 0 || bytes < maxBytes)) {
        records.push({ offset: frame.number, value: frame.body, end: frame.end });
        bytes += frame.body.length;
      }
      if (records.length > 0 && isEnough()) break;
    }
    const durable = records.filter(({ end }) => end <= this.#durable.position);
    const last = durable.at(-1);
    if (last) remember(this.#places, last.offset + 1, last.end);
    else remember(this.#nothingAt, offset, size);
    return durable.map(({ offset: at, value }) => ({ offset: at, value }));
  }

  /** @returns how many records are there, all on disk: what another appends from here on is found out by our next append. */
  async takeOver(): Promise<number> {
    for (;;) {
      await this.seal();
      const fd = this.#open();
      const end = fd === undefined ? { ...BEGINNING, whole: 0, size: 0 } : this.#findEnd(fd);
      // What is not on disk is not read, and would count behind it.
      if (end.records !== this.#durable.records) continue;
      this.#end = end;
      return end.records;
    }
  }

  /**
   * Appends behind our own last append, or where we took over.
   * @returns the offset behind the last record; undefined when another writer has been there, and nothing of this counts.
   */
  async append(values: readonly Buffer[]): Promise<number | undefined> {
    const fd = this.#open(true)!;
    const known = this.#end;
    const before = known?.size === fstatSync(fd).size ? known : this.#findEnd(fd);
    // Unknown, if anything of this fails.
    this.#end = undefined;
    if (known && known.records !== before.records) return undefined;
    this.#writeAgain(fd, before);
    const bytes = Buffer.concat([...this.#mend(before), ...recordFrames(before.records, values, this.#writer)]);
    writeWhole(fd, bytes);
    await sync(fd);
    const { size, nlink } = fstatSync(fd);
    const records = before.records + values.length;
    const position = size === before.size + bytes.length ? size : this.#ourEnd(fd, before, records);
    if (position === undefined || nlink === 0) return undefined;
    const said = durableFrame(position, records, this.#writer);
    writeWhole(fd, said);
    this.#learnDurable({ position, records });
    // Unless others have come in between, and then the size tells.
    const end = position + said.length;
    this.#end = { position: end, records, whole: end, size: end };
    return records;
  }

  /** What a writer that died had written, and not said to be on disk, is put there and counts. */
  async seal(): Promise<void> {
    const fd = this.#open();
    if (fd === undefined) return;
    const end = this.#findEnd(fd);
    const { position, records } = end;
    if (records === this.#durable.records) return;
    const writable = this.#open(true)!;
    this.#writeAgain(writable, end);
    await sync(writable);
    writeWhole(writable, Buffer.concat([...this.#mend(end), durableFrame(position, records, this.#writer)]));
  }

  /**
   * What counts, and nobody has said to be on disk. Where that is because a sync failed, the system holds it for written
   * all the same, and the next sync would go well: it is written once more, as it stands there.
   * @see https://wiki.postgresql.org/wiki/Fsync_Errors
   */
  #writeAgain(fd: number, { records, whole }: End): void {
    if (records === this.#durable.records) return;
    const { position } = this.#durable;
    const bytes = Buffer.alloc(whole - position);
    const length = readSync(fd, bytes, 0, bytes.length, position);
    // Ours only appends.
    const again = openSync(this.#path, 'r+');
    try {
      if (fstatSync(again).ino === fstatSync(fd).ino) writeWhole(again, bytes.subarray(0, length), position);
    } finally {
      closeSync(again);
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** @returns undefined when there is no file yet, and none is to be made. */
  #open(toWrite = false): number | undefined {
    if (this.#fd !== undefined && fstatSync(this.#fd).nlink === 0) this.#forget();
    if (this.#fd !== undefined && (this.#mayWrite || !toWrite)) return this.#fd;
    this.close();
    try {
      // Other than a mapped or a buffered file: what is appended is put behind what others have appended meanwhile.
      this.#fd = openSync(this.#path, toWrite ? 'a+' : 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (!toWrite) return undefined;
      mkdirSync(dirname(this.#path), { recursive: true });
      this.#fd = openSync(this.#path, 'a+');
    }
    this.#mayWrite = toWrite;
    if (toWrite && fstatSync(this.#fd).size === 0) syncDirectory(dirname(this.#path));
    return this.#fd;
  }

  /** The topic was deleted. */
  #forget(): void {
    this.close();
    this.#end = undefined;
    this.#durable = BEGINNING;
    this.#places.clear();
    this.#nothingAt.clear();
  }

  /**
   * Frames from a place on, and whether they are records that count; takes what says that they are on disk on its way.
   * A place stands behind a record that counts: what goes on with its append there does, too.
   */
  *#frames(fd: number, { position, records }: Place): Generator<{ frame: PlacedFrame; counts: boolean }> {
    let due = records;
    let hasCounted = true;
    for (const frame of scanFrames(fd, position, this.#path)) {
      if (frame.kind === 'durable') this.#learnDurable({ position: frame.number, records: frame.records });
      if (frame.kind === 'record') {
        if (frame.index === 0 && frame.number > due) throw this.#hasGap(frame.position, due);
        hasCounted = frame.number === due && (frame.index === 0 || hasCounted);
        if (hasCounted) due++;
      }
      yield { frame, counts: frame.kind === 'record' && hasCounted };
    }
  }

  #learnDurable(place: Place): void {
    if (place.position > this.#durable.position) this.#durable = place;
  }

  #refreshDurable(fd: number): Place {
    if (this.#durable === BEGINNING) this.#durable = lastDurable(fd) ?? BEGINNING;
    for (const _ of this.#frames(fd, this.#durable));
    return this.#durable;
  }

  #findEnd(fd: number): End {
    // What comes behind the size meanwhile is found when it is looked at again.
    const { size } = fstatSync(fd);
    let { position, records } = this.#refreshDurable(fd);
    let whole = position;
    for (const { frame, counts } of this.#frames(fd, { position, records })) {
      whole = frame.end;
      // A position amid what is void would let those who begin there count the rest of it.
      if (counts) [position, records] = [frame.end, records + 1];
    }
    return { position, records, whole, size: Math.max(size, whole) };
  }

  /** Where our records end in a file that others have appended to, too; undefined when theirs came before ours. */
  #ourEnd(fd: number, before: Place, records: number): number | undefined {
    for (const { frame, counts } of this.#frames(fd, before)) {
      if (!counts || frame.kind !== 'record') continue;
      if (frame.writer !== this.#writer) return undefined;
      if (frame.number + 1 === records) return frame.end;
    }
    return undefined;
  }

  /** Says that what stands at the end is no more than a part of what somebody wrote. */
  #mend({ whole, size }: End): Buffer[] {
    return whole < size ? [tornFrame(whole, this.#writer)] : [];
  }

  #placeOf(fd: number, offset: number): Place {
    const position = this.#places.get(offset);
    if (position !== undefined) return { position, records: offset };
    if (offset === this.#durable.records) return this.#durable;
    return bisect(fd, offset);
  }

  #hasGap(position: number, records: number): FerryError {
    return new FerryError('log-corrupt', `${this.#path} lacks the record ${records}, before byte ${position}`, {
      details: { file: this.#path, position, offset: records },
    });
  }
}

function remember(map: Map<number, number>, offset: number, value: number): void {
  map.delete(offset);
  map.set(offset, value);
  if (map.size > KEPT_OFFSETS) map.delete(map.keys().next().value!);
}

/** More than there are readers of a partition in one process. */
const KEPT_OFFSETS = 64;

/** So near to a record it is looked for from frame to frame. */
const NEAR_BYTES = 256 * 1024;

/** A place before the record of that offset, or at it: what says what is on disk counts the records, too. */
function bisect(fd: number, offset: number): Place {
  let low = BEGINNING;
  let high = fstatSync(fd).size;
  while (high - low.position > NEAR_BYTES) {
    const middle = Math.floor((low.position + high) / 2);
    const found = findDurable(fd, middle, high);
    if (found && found.records <= offset && found.number > low.position) {
      low = { position: found.number, records: found.records };
    } else {
      high = middle;
    }
  }
  return low;
}

/** Of the frames that say what is on disk, the last but few. */
function lastDurable(fd: number): Place | undefined {
  const { size } = fstatSync(fd);
  for (let bytes = NEAR_BYTES; ; bytes *= 4) {
    const found = findDurable(fd, Math.max(0, size - bytes), size);
    if (found) return { position: found.number, records: found.records };
    if (bytes >= size) return undefined;
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
