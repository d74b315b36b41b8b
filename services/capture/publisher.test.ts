import { setImmediate as tick } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { FerryError } from '../../core/errors.js';
import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import { readSpan } from '../../core/record-scanner.js';

import type { Batch } from '../../platform/event-log/port.js';
import { MemoryLog } from '../../test/support/memory-log.js';
import { type Appended, Publisher } from './publisher.js';
import { RawOutput } from './raw-output.js';

const MIB = 1024 * 1024;

/** A log whose appends end when the test says so. */
class SlowLog extends MemoryLog {
  readonly waiting: { readonly values: readonly Buffer[]; succeed(): void; fail(error: Error): void }[] = [];

  override append(batches: readonly Batch[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const { values } = batches[0]!;
      this.waiting.push({ values, succeed: () => resolve([0]), fail: reject });
    });
  }
}

/** What the encoder does, without its messages. */
class Encoder {
  readonly output = new RawOutput([{ position: POSITION_ZERO, complete: true }]);
  readonly writer = this.output.partitions[0]!.writer;
  through: Lsn = LSN_ZERO;
  #lsn: Lsn = LSN_ZERO;
  #index = 0;

  begin(lsn: string): this {
    this.#lsn = parseLsn(lsn);
    this.#index = 0;
    this.writer.begin(JSON.stringify({ tx: lsn, xid: 7, time: '' }));
    return this;
  }

  event(bytes = 10): this {
    const content = 'x'.repeat(bytes);
    const index = this.#index++;
    this.writer.line({ lsn: this.#lsn, index }, JSON.stringify({ message: 'm', ix: index, content }));
    return this;
  }

  commit(): this {
    const index = this.#index++;
    this.through = (this.#lsn + 0x30n) as Lsn;
    const line = { commit: formatLsn(this.#lsn), ix: index, end: formatLsn(this.through) };
    this.writer.commit({ lsn: this.#lsn, index }, JSON.stringify(line));
    return this;
  }
}

let log: SlowLog;
let encoder: Encoder;
let said: string[];
let appended: [Appended, string][];
let publisher: Publisher<string>;

beforeEach(() => {
  log = new SlowLog();
  encoder = new Encoder();
  said = [];
  appended = [];
  publisher = new Publisher({
    log,
    topic: 'p.raw',
    output: encoder.output,
    committedThrough: () => encoder.through,
    snapshot: () => `as of ${formatLsn(encoder.through)}`,
    onAppended: (what, snapshot) => appended.push([what, snapshot]),
  });
  publisher.attach({
    pause: () => said.push('pause'),
    resume: () => said.push('resume'),
    acknowledge: (lsn) => said.push(formatLsn(lsn)),
    ended: new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  });
});

/** The encoder took a message, and the socket's turn is over. */
async function poked(): Promise<void> {
  publisher.poke();
  await tick();
}

const spans = (values: readonly Buffer[]) =>
  values.map((value) => [formatLsn(readSpan(value).first.lsn), formatLsn(readSpan(value).last.lsn)]);

describe('Publisher', () => {
  test('acknowledges only what the log has', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    expect(log.waiting).toHaveLength(1);
    expect([said, appended]).toEqual([[], []]);
    log.waiting[0]!.succeed();
    await tick();
    expect(new Set(said)).toEqual(new Set(['0/130']));
    expect(appended).toMatchObject([[{ through: parseLsn('0/130'), batches: [{ partition: 0 }] }, 'as of 0/130']]);
  });

  test('sends one append at a time; what comes meanwhile goes with the next, and its LSN with it', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    encoder.begin('0/200').event().commit();
    await poked();
    encoder.begin('0/300').event().commit();
    await poked();
    expect(log.waiting).toHaveLength(1);
    log.waiting[0]!.succeed();
    await tick();
    expect(said).toEqual(['0/130']);
    expect(log.waiting.map(({ values }) => spans(values))).toEqual([[['0/100', '0/100']], [['0/200', '0/300']]]);
    log.waiting[1]!.succeed();
    await tick();
    expect(said.at(-1)).toBe('0/330');
    expect(appended.map(([{ through, batches }]) => [formatLsn(through), batches[0]!.values.length])).toEqual([
      ['0/130', 1],
      ['0/330', 1],
    ]);
  });

  test('takes all of what one chunk of the socket brought', async () => {
    encoder.begin('0/100').event().commit();
    publisher.poke();
    encoder.begin('0/200').event().commit();
    await poked();
    expect(log.waiting.map(({ values }) => spans(values))).toEqual([[['0/100', '0/200']]]);
  });

  test('waits for the end of a transaction', async () => {
    encoder.begin('0/100').event();
    await poked();
    expect(log.waiting).toHaveLength(0);
    encoder.event().commit();
    await poked();
    expect(log.waiting).toHaveLength(1);
  });

  test('appends a large transaction before its end, and does not acknowledge it', async () => {
    encoder.begin('0/100').event().commit();
    encoder.begin('0/200').event(2 * MIB);
    await poked();
    log.waiting[0]!.succeed();
    await tick();
    expect(new Set(said)).toEqual(new Set(['0/130']));
    encoder.commit();
    await poked();
    log.waiting[1]!.succeed();
    await tick();
    expect(said.at(-1)).toBe('0/230');
  });

  test('acknowledges what the log had already, without an append', async () => {
    encoder.through = parseLsn('0/130');
    await poked();
    expect([said, log.waiting]).toEqual([['0/130'], []]);
  });

  test('pauses the stream while too much waits, and resumes it once that is gone', async () => {
    encoder.begin('0/100').event(MIB).commit();
    await poked();
    encoder.begin('0/200').event(9 * MIB);
    await poked();
    encoder.commit();
    await poked();
    expect(said).toEqual(['pause']);
    log.waiting[0]!.succeed();
    await tick();
    // All that waited is on its way now, but nothing of it is durable.
    log.waiting[1]!.succeed();
    await tick();
    expect(said.filter((word) => word !== '0/130' && word !== '0/230')).toEqual(['pause', 'resume']);
  });

  test('drained waits until there is room for another chunk', async () => {
    await publisher.drained();
    encoder.begin('0/100').event().commit();
    await poked();
    encoder
      .begin('0/200')
      .event(5 * MIB)
      .commit();
    await poked();
    let isDrained = false;
    const drained = publisher.drained().then(() => {
      isDrained = true;
    });
    await tick();
    expect(isDrained).toBe(false);
    for (const i of [0, 1]) {
      log.waiting[i]!.succeed();
      await tick();
    }
    await drained;
  });
});

describe('a failed append', () => {
  const unreachable = new FerryError('log-unreachable', 'gone');

  test('ends the publisher, and acknowledges nothing', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    log.waiting[0]!.fail(unreachable);
    await expect(publisher.failed).rejects.toBe(unreachable);
    expect([said, appended]).toEqual([[], []]);
  });

  test('is followed by no other: what comes after it would leave a hole in the log', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    encoder.begin('0/200').event().commit();
    await poked();
    const flushed = expect(publisher.flush()).rejects.toBe(unreachable);
    log.waiting[0]!.fail(unreachable);
    await flushed;
    await poked();
    await tick();
    expect(log.waiting).toHaveLength(1);
    expect(said).toEqual([]);
  });

  test('lets nobody wait for room', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    encoder
      .begin('0/200')
      .event(5 * MIB)
      .commit();
    await poked();
    const drained = expect(publisher.drained()).rejects.toBe(unreachable);
    log.waiting[0]!.fail(unreachable);
    await drained;
  });
});

describe('the end of a run', () => {
  test('waits for the append that is on its way, and nothing follows it', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    encoder.begin('0/200').event().commit();
    await poked();
    let hasEnded = false;
    const ended = publisher[Symbol.asyncDispose]().then(() => {
      hasEnded = true;
    });
    await poked();
    expect([log.waiting.length, hasEnded]).toEqual([1, false]);
    log.waiting[0]!.succeed();
    await ended;
    await poked();
    expect(log.waiting).toHaveLength(1);
  });

  test('is reached where the append fails', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    const ended = publisher[Symbol.asyncDispose]();
    log.waiting[0]!.fail(new FerryError('log-unreachable', 'gone'));
    await ended;
  });
});

describe('flush', () => {
  test('appends an open transaction too, behind the append that is on its way', async () => {
    encoder.begin('0/100').event().commit();
    await poked();
    encoder.begin('0/200').event();
    const flushed = publisher.flush();
    await tick();
    expect(log.waiting).toHaveLength(1);
    log.waiting[0]!.succeed();
    await tick();
    expect(log.waiting.map(({ values }) => spans(values))).toEqual([[['0/100', '0/100']], [['0/200', '0/200']]]);
    log.waiting[1]!.succeed();
    await flushed;
    expect(new Set(said)).toEqual(new Set(['0/130']));
    expect(appended).toHaveLength(2);
  });

  test('is the last append, even when the stream goes on meanwhile', async () => {
    encoder.begin('0/100').event().commit();
    const flushed = publisher.flush();
    await tick();
    encoder.begin('0/200').event().commit();
    await poked();
    expect(log.waiting).toHaveLength(1);
    log.waiting[0]!.succeed();
    await flushed;
    await poked();
    expect(log.waiting).toHaveLength(1);
    expect(said).toEqual(['0/130']);
  });

  test('has nothing to do when nothing waits', async () => {
    await publisher.flush();
    expect(log.waiting).toEqual([]);
  });
});
