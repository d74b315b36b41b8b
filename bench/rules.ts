import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { printJson, printTable } from '../cli/output.js';
import { LSN_ZERO } from '../core/lsn.js';
import { POSITION_ZERO } from '../core/position.js';
import { topicsOf } from '../core/topics.js';
import { openEmbeddedLog } from '../platform/event-log/embedded/open.js';
import { silentLogger } from '../platform/logger.js';
import { ruleKit } from '../platform/rule-kit.js';
import type { ServiceContext } from '../platform/service.js';
import { Router } from '../services/transform/router.js';
import { transformPartition } from '../services/transform/transform-partition.js';
import { copied, MAPPINGS, type MappingName, pipelineOf, streamed } from './rules-workload.js';

const flags = new Command('bench:rules')
  .description(
    'what rules cost a row in transform, beside a row that only moves: the router alone, and the stage over the embedded log',
  )
  .option('--rows <n>', 'of each pass', Number, 200_000)
  .option('--rounds <n>', 'passes of each mapping, in turn; the median counts', Number, 7)
  .option('--router', 'the router alone')
  .option('--json', 'print one JSON object on the last line')
  .parse()
  .opts<{ rows: number; rounds: number; router?: true; json?: true }>();

type Pass = (mapping: MappingName) => number | Promise<number>;
const NAMES = Object.keys(MAPPINGS) as MappingName[];

/** CPU of this process and its threads, in µs a row. */
async function cpuPerRow(work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / flags.rows;
}

function routed(raw: readonly Buffer[]): Pass {
  return (mapping) => {
    const { tables } = pipelineOf(mapping);
    return cpuPerRow(() => {
      const router = new Router({
        tables,
        kit: ruleKit,
        ends: new Map([['growth', { position: POSITION_ZERO, complete: true }]]),
        tallies: { taken: new Map(), filtered: new Map(), transformed: new Map() },
        through: LSN_ZERO,
        time: null,
        countedThrough: POSITION_ZERO,
        rawEnd: POSITION_ZERO,
      });
      for (const record of raw) {
        router.take(record);
        router.takeRecords();
      }
    });
  };
}

/** The stage as it runs: raw topic to domain topic, on disk. */
function staged(raw: readonly Buffer[]): Pass {
  return async (mapping) => {
    const directory = await mkdtemp(join(tmpdir(), 'ferry-rules-'));
    try {
      const pipeline = { ...pipelineOf(mapping), directory };
      await using log = await openEmbeddedLog({ directory, pipeline: pipeline.name });
      const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
      await log.createTopics([topics.raw, topics.domain('growth')].map((topic) => ({ topic, partitions: 1 })));
      for (const value of raw) await log.append([{ topic: topics.raw, partition: 0, values: [value] }]);
      const stop = new AbortController();
      let left = flags.rows;
      const passed = (changes: number) => {
        left -= changes;
        if (left <= 0) stop.abort();
      };
      const context = { pipeline, log, logger: silentLogger, signal: stop.signal, passed };
      return await cpuPerRow(() => transformPartition(context as unknown as ServiceContext, 0));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** In turn, so that a machine whose speed changes is slow for all of them; the first pass of each is compiled meanwhile. */
async function measure(pass: Pass): Promise<Record<string, { micros: number; ratio: number }>> {
  const rounds: number[][] = [];
  for (let i = 0; i <= flags.rounds; i++) {
    const round: number[] = [];
    for (const name of NAMES) round.push(await pass(name));
    if (i > 0) rounds.push(round);
  }
  return Object.fromEntries(
    NAMES.map((name, i) => {
      const micros = median(rounds.map((round) => round[i]!));
      const ratio = median(rounds.map((round) => round[i]! / round[0]!));
      return [name, { micros: Math.round(micros * 100) / 100, ratio: Math.round(ratio * 100) / 100 }];
    }),
  );
}

const [changes, rows] = [streamed(flags.rows), copied(flags.rows)];
const results = {
  'changes, router': await measure(routed(changes)),
  'snapshot, router': await measure(routed(rows)),
  ...(flags.router
    ? {}
    : { 'changes, transform': await measure(staged(changes)), 'snapshot, transform': await measure(staged(rows)) }),
};
if (flags.json) printJson(results);
else {
  printTable(
    ['CPU µs a row (ratio to a move)', ...NAMES],
    Object.entries(results).map(([what, figures]) => [
      what,
      ...NAMES.map((name) => `${figures[name]!.micros} (${figures[name]!.ratio})`),
    ]),
  );
}
process.exit(0);
