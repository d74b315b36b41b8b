import { randomBytes } from 'node:crypto';
import type { RecordMetadata } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { FerryError } from '../../core/errors.js';
import { openKafkaLog } from '../../platform/event-log/kafka/open.js';
import { TRY_AGAIN_MS } from '../../platform/event-log/kafka/patience.js';
import { checkAcknowledged, type Sent } from '../../platform/event-log/kafka/produce-guard.js';
import { silentLogger } from '../../platform/logger.js';
import { countedWrites, countWritesSql } from '../support/append-proof.js';
import { eventually } from '../support/eventually.js';
import { type KafkaCluster, startKafkaCluster } from '../support/kafka-cluster.js';
import { KafkaProbe } from '../support/kafka-probe.js';
import { Load, type Transaction } from '../support/load.js';
import { loseProduceAnswers } from '../support/lost-answers.js';
import { orSkip } from '../support/or-skip.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { testSeed } from '../support/random.js';
import { RawKafkajs, textsOf } from '../support/raw-kafkajs.js';
import { describeWithPostgres } from '../support/servers.js';
import { VISIBILITY_SQL, VisibilityProbe } from '../support/visibility-probe.js';

/** Each broker once; with it go leaders of topics, the leader of the controllers at least once, and replicas. */
const KILLS = [1, 2, 3];

/** A load that two cores carry beside three brokers, so that what piles up in a stall is soon worked off. */
const work: Transaction = (random) => `SELECT pg_catalog.pg_sleep(0.01);
  INSERT INTO public.entries (note) SELECT 'e' FROM generate_series(1, ${random.int(1, 4)});
  UPDATE public.totals SET n = n + 1 WHERE id = ${random.int(1, 20)}`;

/**
 * What a row may wait for where Kafka lets a plain client wait that long, measured beside it. Alone on two cores it is at
 * most 1.25 times as long and 1.75 s: each of three stages notices the new leader up to one pause later, and then the
 * pipeline carries what has piled up. Other tests run beside this one, so the bound is wider; a stage that waits for the
 * dead broker to come back is far beyond it.
 */
const allowedMs = (kafkaMs: number) => 2 * kafkaMs + 3 * TRY_AGAIN_MS.maxTimeout + 5_000;

describeWithPostgres('three brokers', () => {
  let starting: Promise<KafkaCluster> | undefined;

  beforeAll(() => {
    starting = startKafkaCluster();
    // The test that waits for it says what is missing.
    starting.catch(() => {});
  });

  afterAll(async () => (await starting?.catch(() => undefined))?.stop());

  afterEach(() => void vi.restoreAllMocks());

  const openLog = async (pipeline: string) =>
    openKafkaLog({
      brokers: (await starting!).brokers,
      pipeline,
      clientId: 'ferry-test',
      logger: silentLogger,
      replicationFactor: 3,
    });

  /** One producer of kafkajs that sends `before` and then all of `sends` at once, of which one loses its answer. */
  async function sendWithKafkajs(
    brokers: readonly string[],
    { pipeline, sends }: { readonly pipeline: string; readonly sends: readonly string[] },
  ) {
    const at = { topic: `${pipeline}.theirs-${randomBytes(4).toString('hex')}`, partition: 0 };
    // Of a try that failed.
    vi.restoreAllMocks();
    // The connections that lose an answer are made after this, and the producer's first send goes well.
    const lost = loseProduceAnswers(1, 1);
    await using raw = await RawKafkajs.connect(brokers);
    await raw.createTopic(at.topic, [[1, 2, 3]]);
    await raw.send(at.topic, [{ partition: 0, value: 'before' }]);
    const acknowledged = await Promise.all(sends.map((value) => raw.send(at.topic, [{ partition: 0, value }])));
    expect(lost()).toBe(1);
    vi.restoreAllMocks();
    await using log = await openLog(pipeline);
    return { at, acknowledged, kept: await textsOf(log, at) };
  }

  test('kafkajs acknowledges what is not there when one of several sends loses its answer; we do not', async ({
    skip,
  }) => {
    const { brokers } = await orSkip(skip, 'three Kafka brokers', () => starting!);
    const pipeline = newName();
    const sends = [...'abcdefgh'];
    const theirs = await eventually(
      async () => {
        const told = await sendWithKafkajs(brokers, { pipeline, sends });
        return sends.every((value) => told.kept.includes(value)) ? undefined : told;
      },
      // Which of them it repeats first is by chance; nothing is lost where that is the one whose answer was.
      { what: 'kafkajs to lose a record', timeoutMs: 90_000 },
    );
    // One of what it resolved with is refused.
    const refusals = theirs.acknowledged.map((answer, i) =>
      refusal(answer, { ...theirs.at, count: 1, expectedOffset: i + 1 }),
    );
    expect(refusals).toContain('log-regressed');

    const lostOurs = loseProduceAnswers(1, 1);
    await using log = await openLog(pipeline);
    const ours = { topic: `${pipeline}.ours`, partition: 0 };
    await log.createTopics([{ topic: ours.topic, partitions: 1 }]);
    await log.append([{ ...ours, values: [Buffer.from('before')] }]);
    await Promise.all(sends.map((value) => log.append([{ ...ours, values: [Buffer.from(value)] }])));
    expect(lostOurs()).toBe(1);
    expect(await textsOf(log, ours)).toEqual(['before', ...sends]);
  });

  test('kafkajs acknowledges what is not there when a leader moves onto a broker that has answered; we do not', async ({
    skip,
  }) => {
    const { brokers } = await orSkip(skip, 'three Kafka brokers', () => starting!);
    const pipeline = newName();
    await using raw = await RawKafkajs.connect(brokers);
    await using log = await openLog(pipeline);
    const places = (name: string) => [0, 1].map((partition) => ({ topic: `${pipeline}.${name}`, partition }));
    const [theirs, ours] = [places('theirs'), places('ours')];
    // Both have seen the leaders, 1 and 2, before one moves. With one replica each, these topics stay without a leader
    // while their broker is away in the test below, which must not care.
    for (const [at] of [theirs, ours]) await raw.createTopic(at!.topic, [[1], [2]]);
    await raw.send(
      theirs[0]!.topic,
      theirs.map(({ partition }) => ({ partition, value: 'before' })),
    );
    await log.append(ours.map((at) => ({ ...at, values: [Buffer.from('before')] })));
    for (const [at] of [theirs, ours]) await raw.moveLeader(at!.topic, { partition: 0, to: 2 });

    const acknowledged = await raw.send(
      theirs[0]!.topic,
      theirs.map(({ partition }) => ({ partition, value: 'after' })),
    );
    expect(await Promise.all(theirs.map((at) => textsOf(log, at)))).toEqual([['before'], ['before', 'after']]);
    // What it resolved with is refused.
    expect(refusal(acknowledged, { ...theirs[0]!, count: 1, expectedOffset: 1 })).toBe('log-unreachable');

    await log.append(ours.map((at) => ({ ...at, values: [Buffer.from('after')] })));
    expect(await Promise.all(ours.map((at) => textsOf(log, at)))).toEqual([
      ['before', 'after'],
      ['before', 'after'],
    ]);
  });

  test('killed one at a time under load: nothing lost, nothing twice, no stall longer than Kafka itself', async ({
    annotate,
    skip,
  }) => {
    const cluster = await orSkip(skip, 'three Kafka brokers', () => starting!);
    await using pipeline = await streamingPipeline(cluster);
    const sessions = await Promise.all([1, 2].map(() => pipeline.connect('source')));
    const load = new Load(sessions, [work], testSeed(7));
    const kafka = await KafkaProbe.start(cluster.brokers, `${pipeline.config.name}.probe`);
    const [source, target] = [await pipeline.connect('source'), await pipeline.connect('target')];
    const ours = new VisibilityProbe({ source, target }, 'growth.visibility');

    const stalls: { node: number; ours: number; kafka: number }[] = [];
    for (const node of KILLS) {
      await pipeline.untilApplied();
      ours.takeLongestMs();
      kafka.takeLongestMs();
      await killAndBringBack(cluster, node, pipeline);
      stalls.push({ node, ours: Math.round(ours.takeLongestMs()), kafka: Math.round(kafka.takeLongestMs()) });
    }
    await Promise.all([load.stop(), kafka.stop(), ours.stop()]);
    await expectEachAppliedOnce(pipeline);
    await annotate(
      `${cluster.source}, ${load.transactions} transactions, longest stalls in ms ${JSON.stringify(stalls)}`,
    );
    // Without a stall of Kafka's own it would have proved nothing.
    expect(stalls.every((stall) => stall.kafka > 1_000)).toBe(true);
    expect(stalls.filter((stall) => stall.ours > allowedMs(stall.kafka))).toEqual([]);
  }, 600_000);
});

/** The code of the error that our guard makes of an answer; undefined where it believes it. */
function refusal(answer: readonly RecordMetadata[], sent: Sent): string | undefined {
  try {
    checkAcknowledged(answer, sent);
    return undefined;
  } catch (error) {
    return (error as FerryError).code;
  }
}

const newName = () => `brokers-${randomBytes(5).toString('hex')}`;

/** Topics with three replicas, of which two must have what is acknowledged. */
async function streamingPipeline(cluster: KafkaCluster): Promise<Pipeline> {
  return startPipeline({
    driver: 'kafka',
    kafka: { brokers: cluster.brokers, replicationFactor: 3 },
    schemaSql: `${VISIBILITY_SQL};
      CREATE TABLE public.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
      CREATE TABLE public.totals (id int PRIMARY KEY, n bigint NOT NULL)`,
    sourceSql: 'INSERT INTO public.totals SELECT i, 0 FROM generate_series(1, 20) i',
    targetSql: countWritesSql([{ schema: 'growth', table: 'entries' }]),
    tables: { growth: fromPublic('entries', 'visibility'), stock: fromPublic('totals') },
  });
}

/** Down until it leads nothing and the pipeline has gone on without it, then up until it is in sync and leads again. */
async function killAndBringBack(cluster: KafkaCluster, node: number, pipeline: Pipeline): Promise<void> {
  const topics = await cluster.topics(pipeline.config.name);
  const leads = async () => (await cluster.leaders(topics)).has(node);
  await cluster.kill(node);
  await eventually(async () => !(await leads()), { what: `the leaders to leave broker ${node}` });
  await pipeline.untilApplied();
  await cluster.restart(node);
  await cluster.untilInSync();
  await eventually(leads, { what: `broker ${node} to lead again`, timeoutMs: 60_000 });
  await pipeline.untilApplied();
}

async function expectEachAppliedOnce(pipeline: Pipeline): Promise<void> {
  await pipeline.expectApplied();
  const { rows } = await pipeline.source.query('SELECT count(*) AS n FROM public.entries');
  expect(await countedWrites(pipeline.target)).toEqual([`entries: 1 x ${rows[0].n}`]);
  expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true, deadLettered: 0 });
}
