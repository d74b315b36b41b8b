import { appendFileSync, fdatasync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { durableFrame, recordFrames } from './frames.js';
import { PartitionFile } from './partition-file.js';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, writeSync: vi.fn(fs.writeSync), fdatasync: vi.fn(fs.fdatasync) };
});

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ferry-test-partition-'));
  path = join(directory, '0.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

const bodies = (...texts: readonly string[]) => texts.map((text) => Buffer.from(text));
let writers = 0;
const open = () => new PartitionFile(path, ++writers);
const textsOf = (file: PartitionFile, offset = 0) =>
  file.read(offset, 1_000_000).map(({ offset: at, value }) => `${at}:${value}`);

/** As a process that dies in the middle of an append leaves it. */
const writeFrames = (...frames: readonly Buffer[]) => appendFileSync(path, Buffer.concat(frames));

describe('what is on disk and not said to be', () => {
  test('is not seen, and counts once it is sealed, taken over or appended to', async () => {
    const file = open();
    await file.append(bodies('a'));
    writeFrames(...recordFrames(1, bodies('b', 'c'), 77));
    expect([textsOf(file), file.endOffset()]).toEqual([['0:a'], 1]);
    await open().seal();
    expect([textsOf(file), file.endOffset()]).toEqual([['0:a', '1:b', '2:c'], 3]);
    writeFrames(...recordFrames(3, bodies('d'), 77));
    const heir = open();
    expect([await heir.takeOver(), textsOf(heir, 3)]).toEqual([4, ['3:d']]);
    writeFrames(...recordFrames(4, bodies('e'), 77));
    expect(await open().append(bodies('f'))).toBe(6);
    expect(textsOf(file)).toEqual(['0:a', '1:b', '2:c', '3:d', '4:e', '5:f']);
    expect(await heir.append(bodies('late'))).toBeUndefined();
  });

  test('is not given with what is, when both are read at once', async () => {
    await open().append(bodies('a', 'b'));
    writeFrames(...recordFrames(2, bodies('c'), 77));
    expect(textsOf(open(), 1)).toEqual(['1:b']);
  });
});

describe('a sync that failed', () => {
  const EIO = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  const wrote = vi.mocked(writeSync);
  const synced = vi.mocked(fdatasync);

  /** @returns where in the file the records are of which nobody knows whether they are on disk. */
  async function failedAppend(file: PartitionFile, ...texts: readonly string[]): Promise<{ from: number; to: number }> {
    const from = statSync(path).size;
    synced.mockImplementationOnce((_, done) => done(EIO));
    await expect(file.append(bodies(...texts))).rejects.toBe(EIO);
    wrote.mockClear();
    synced.mockClear();
    return { from, to: statSync(path).size };
  }

  /** What was written where: all but one form of the call is that of strings. */
  const writes = () =>
    (wrote.mock.calls as unknown as readonly [number, Buffer, number, number, number | null][]).map(
      ([, , , length, position]) => ({ length, position }),
    );

  test.each([
    ['sealed', (file: PartitionFile) => file.seal()],
    ['taken over', (file: PartitionFile) => file.takeOver()],
    ['appended to', (file: PartitionFile) => file.append(bodies('d'))],
  ])('leaves what is written again, and synced, when it is %s', async (_, goOn) => {
    const file = open();
    await file.append(bodies('a'));
    const { from, to } = await failedAppend(file, 'b', 'c');
    const heir = open();
    await goOn(heir);
    const [again] = writes();
    expect(again!.position).toBeLessThanOrEqual(from);
    expect(again!.position! + again!.length).toBe(to);
    expect(wrote.mock.invocationCallOrder[0]!).toBeLessThan(synced.mock.invocationCallOrder[0]!);
    expect(textsOf(heir).slice(0, 3)).toEqual(['0:a', '1:b', '2:c']);
    expect(textsOf(open())).toEqual(textsOf(heir));
  });

  test('is no concern of who appends where all is on disk', async () => {
    const file = open();
    await file.append(bodies('a'));
    wrote.mockClear();
    await file.append(bodies('b'));
    await open().append(bodies('c'));
    expect(writes().map(({ position }) => position)).toEqual([null, null, null, null]);
  });

  test('and fails again is said again', async () => {
    const file = open();
    await file.append(bodies('a'));
    await failedAppend(file, 'b');
    synced.mockImplementationOnce((_, done) => done(EIO));
    await expect(file.takeOver()).rejects.toBe(EIO);
    expect(textsOf(open())).toEqual(['0:a']);
    expect(await file.takeOver()).toBe(2);
    expect(textsOf(open())).toEqual(['0:a', '1:b']);
  });
});

describe('a write that was cut off', () => {
  test.each([1, 20, 40, 1_000])('after %i bytes is passed over once somebody appends behind it', async (bytes) => {
    const file = open();
    await file.append(bodies('a'));
    writeFrames(Buffer.concat(recordFrames(1, bodies('x'.repeat(2_000)), 77)).subarray(0, bytes));
    expect(textsOf(open())).toEqual(['0:a']);
    const other = open();
    expect(await other.append(bodies('b', 'c'))).toBe(3);
    expect(await other.append(bodies('d'))).toBe(4);
    for (const reader of [file, open()]) expect(textsOf(reader)).toEqual(['0:a', '1:b', '2:c', '3:d']);
  });

  test('keeps what was whole of its append', async () => {
    const frames = Buffer.concat(recordFrames(0, bodies('a', 'b', 'c'), 77));
    writeFrames(frames.subarray(0, frames.length - 1));
    await open().seal();
    expect(textsOf(open())).toEqual(['0:a', '1:b']);
    expect(await open().append(bodies('d'))).toBe(3);
    expect(textsOf(open())).toEqual(['0:a', '1:b', '2:d']);
  });
});

describe('damage', () => {
  test.each(['length', 'body'])('of what was on disk is said, with its place: %s', async (where) => {
    await open().append(bodies('first', 'second', 'third'));
    const at = readFileSync(path).indexOf(where === 'body' ? 'second' : 'first') + (where === 'body' ? 0 : 5 + 16);
    writeSync(openSync(path, 'r+'), Buffer.from([0xaa]), 0, 1, at);
    expect(() => open().read(0, 1_000)).toThrow(/0\.log is damaged at byte 37: what stood there was on disk/);
    await expect(open().append(bodies('x'))).resolves.toBe(4);
    expect(() => open().read(0, 1_000)).toThrow(/is damaged/);
  });

  test('that leaves a gap between records is said', async () => {
    await open().append(bodies('a'));
    const { size } = statSync(path);
    const [frame] = recordFrames(2, bodies('c'), 77);
    writeFrames(frame!, durableFrame(size + frame!.length, 3, 77));
    expect(() => open().read(0, 1_000)).toThrow(/lacks the record 1, before byte/);
  });
});

describe('of two writers that took the same end', () => {
  test('the second learns that nothing of its append counts, however long the first one was', async () => {
    const [first, late] = [open(), open()];
    await first.append(bodies('a'));
    // Written while the other one was already past its look at the end.
    writeFrames(...recordFrames(1, bodies('b'), 78), ...recordFrames(1, bodies('x', 'y', 'z'), 77));
    expect(await late.append(bodies('c'))).toBe(3);
    expect(textsOf(first)).toEqual(['0:a', '1:b', '2:c']);
    expect(await first.append(bodies('late'))).toBeUndefined();
  });
});

test('who waits behind what is void does not count the rest of it, once that is there', async () => {
  const [writer, reader] = [open(), open()];
  await writer.append(bodies('a'));
  // Its second record stands where one is due, but its first is void.
  const late = Buffer.concat(recordFrames(0, bodies('x', 'y', 'z'), 77));
  for (let at = 0; at < late.length; at += 7) {
    writeFrames(late.subarray(at, at + 7));
    expect(textsOf(reader, 1)).toEqual([]);
  }
  expect(await open().append(bodies('b'))).toBe(2);
  expect([textsOf(reader, 1), textsOf(reader)]).toEqual([['1:b'], ['0:a', '1:b']]);
});

test('what is sealed behind the beginning of what is void does not count the rest of it, for nobody', async () => {
  const writer = open();
  await writer.append(bodies('a'));
  // Its second record stands where one is due, but its first is void.
  const late = Buffer.concat(recordFrames(1, bodies('x', 'y'), 77));
  const first = late.indexOf('x') + 1;
  writeFrames(...recordFrames(1, bodies('b'), 78));
  writeFrames(late.subarray(0, first));
  await open().seal();
  writeFrames(late.subarray(first));
  expect(await open().append(bodies('c'))).toBe(3);
  for (const reader of [writer, open()]) expect(textsOf(reader)).toEqual(['0:a', '1:b', '2:c']);
  expect(textsOf(open(), 2)).toEqual(['2:c']);
});

test('a record is found in a long file, also by who has read nothing before', async () => {
  const file = open();
  for (let i = 0; i < 60; i++) await file.append(Array.from({ length: 7 }, () => Buffer.alloc(9_000, i)));
  for (const offset of [0, 1, 6, 7, 200, 213, 418, 419]) {
    const [record] = open().read(offset, 1);
    expect([record!.offset, record!.value[0]]).toEqual([offset, Math.floor(offset / 7)]);
  }
  expect([open().read(420, 1), open().endOffset()]).toEqual([[], 420]);
});

test('a file that was deleted is begun anew by those who had it open', async () => {
  const [reader, writer] = [open(), open()];
  await writer.append(bodies('a', 'b'));
  expect(textsOf(reader)).toEqual(['0:a', '1:b']);
  rmSync(path);
  expect([textsOf(reader), reader.endOffset()]).toEqual([[], 0]);
  expect(await writer.append(bodies('c'))).toBe(1);
  expect(textsOf(reader)).toEqual(['0:c']);
});

/** What several writers do, each of which may die in the middle, and others that look. */
type Act =
  | { readonly kind: 'append'; readonly by: number; readonly sizes: readonly number[] }
  | { readonly kind: 'stale'; readonly behind: number; readonly sizes: readonly number[]; readonly cut: number }
  | { readonly kind: 'cut'; readonly sizes: readonly number[]; readonly cut: number }
  | { readonly kind: 'begin-again'; readonly by: number };

const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 4 });
const cut = fc.double({ min: 0, max: 1, noNaN: true });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), by: fc.nat(2), sizes }) },
  fc.record({ kind: fc.constant('stale' as const), behind: fc.nat(3), sizes, cut }),
  fc.record({ kind: fc.constant('cut' as const), sizes, cut }),
  fc.record({ kind: fc.constant('begin-again' as const), by: fc.nat(2) }),
);

test('whatever several writers do and however they die: what was acknowledged is there, in its place, for everybody', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      rmSync(path, { force: true });
      const files = [open(), open(), open()];
      const watcher = open();
      const seen: string[] = [];
      const acknowledged = new Map<number, string>();
      let named = 0;
      const bodiesOf = (lengths: readonly number[]) =>
        lengths.map((length) => Buffer.from(`${++named} ${'x'.repeat(length)}`));
      for (const one of acts) {
        if (one.kind === 'append') {
          const values = bodiesOf(one.sizes);
          const end = await files[one.by]!.append(values);
          for (const [i, value] of values.entries()) {
            if (end !== undefined) acknowledged.set(end - values.length + i, `${value}`);
          }
        } else if (one.kind === 'begin-again') {
          files[one.by]!.close();
          files[one.by] = open();
          await files[one.by]!.seal();
        } else {
          const at = Math.max(0, open().endOffset() - (one.kind === 'stale' ? one.behind : 0));
          const bytes = Buffer.concat(recordFrames(at, bodiesOf(one.sizes), 1_000 + ++writers));
          writeFrames(bytes.subarray(0, Math.round(bytes.length * one.cut)));
        }
        const more = watcher.read(seen.length, 100);
        expect(more.map(({ offset }) => offset)).toEqual(more.map((_, i) => seen.length + i));
        seen.push(...more.map(({ value }) => `${value}`));
      }
      const all = open()
        .read(0, 1_000_000)
        .map(({ value }) => `${value}`);
      expect(all.slice(0, seen.length)).toEqual(seen);
      for (const [offset, value] of acknowledged) expect([offset, all[offset]]).toEqual([offset, value]);
      for (const file of [...files, watcher]) file.close();
    }),
    { numRuns: 150 },
  );
});
