import { Kafka, logLevel } from 'kafkajs';
import { freePort } from './free-port.js';
import { SHORT_LIVED, startMavenKafka } from './kafka-from-maven.js';
import type { MissingServer } from './postgres.js';

export interface RunningKafka {
  /** host:port of each broker. */
  readonly brokers: string[];
  /** Where the brokers come from, for people. */
  readonly source: string;
  stop(): Promise<void>;
}

const IMAGE = 'apache/kafka:4.1.0';

/** Long enough for a first start on a busy machine; a broker that is up answers in milliseconds. */
export const START_TIMEOUT_MS = 90_000;

/** What one broker alone needs, and what lets consumer groups of a test begin at once. */
export const SINGLE_BROKER: Readonly<Record<string, string>> = {
  'node.id': '1',
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // A topic that a test forgot to create must fail there, not work by accident.
  'auto.create.topics.enable': 'false',
};

/**
 * A Kafka: the one that KAFKA_BROKERS names (host:port, comma-separated), else a container where Docker answers, else
 * a broker from Maven's jars where there are Java and Maven. Named brokers that do not answer are missing: nothing
 * takes their place.
 */
export async function startKafka(): Promise<RunningKafka | MissingServer> {
  const given = process.env.KAFKA_BROKERS;
  if (given) return givenKafka(given);
  const reasons: string[] = [];
  for (const [label, start] of [
    ['Docker', startContainer],
    ['Java and Maven', () => ownKafka()],
  ] as const) {
    try {
      return await start();
    } catch (error) {
      reasons.push(`${label}: ${(error as Error).message.trim()}`);
    }
  }
  return { missing: `KAFKA_BROKERS is not set; ${reasons.join('; ')}` };
}

async function givenKafka(given: string): Promise<RunningKafka | MissingServer> {
  const brokers = given.split(',').map((broker) => broker.trim());
  try {
    await untilReady(brokers, { timeoutMs: 10_000 });
    return { brokers, source: `KAFKA_BROKERS (${given})`, stop: async () => {} };
  } catch (error) {
    return { missing: `KAFKA_BROKERS (${given}): ${(error as Error).message}` };
  }
}

async function startContainer(): Promise<RunningKafka> {
  // Here, not above: only this function needs it, and every test file would wait for it.
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  // Chosen beforehand, because a broker tells its clients the address at which they shall reach it.
  const port = await freePort();
  const settings = {
    ...SINGLE_BROKER,
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://${host}:${port}`,
    'controller.quorum.voters': '1@localhost:9093',
  };
  const container = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({ ...SHORT_LIVED_ENVIRONMENT, ...asEnvironment(settings) })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(START_TIMEOUT_MS)
    .start();
  const stop = async () => void (await container.stop({ remove: true, removeVolumes: true }));
  return whenReady({ brokers: [`${host}:${port}`], source: `Docker, ${IMAGE}`, stop });
}

/** A broker for a single test, which may do with it what the shared one could not bear. */
export interface OwnKafka extends RunningKafka {
  /** Process id of the broker. */
  readonly pid: number;
  /** Kills the broker; its data stays. */
  down(): Promise<void>;
  /** Starts it again and waits until it answers: same data, same address. */
  up(): Promise<void>;
}

/**
 * @param java options of the broker's Java.
 * @throws Error without Java and Maven.
 */
export async function ownKafka(java?: readonly string[]): Promise<OwnKafka> {
  const port = await freePort();
  const ports = { broker: port, controller: await freePort() };
  const broker = await startMavenKafka(SINGLE_BROKER, ports, java ? { java } : {});
  const brokers = [`127.0.0.1:${port}`];
  const kafka = {
    brokers,
    get pid() {
      return broker.pid;
    },
    source: `Java and Maven, Kafka ${broker.version}`,
    down: broker.down,
    up: async () => {
      broker.up();
      await untilReady(brokers, { timeoutMs: START_TIMEOUT_MS });
    },
    stop: broker.stop,
  };
  return Promise.race([whenReady(kafka), broker.failed]);
}

async function whenReady<K extends RunningKafka>(kafka: K): Promise<K> {
  try {
    await untilReady(kafka.brokers, { timeoutMs: START_TIMEOUT_MS });
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

/** The image's script makes the options of its Java of them. */
export const SHORT_LIVED_ENVIRONMENT = {
  KAFKA_HEAP_OPTS: SHORT_LIVED.heap,
  KAFKA_JVM_PERFORMANCE_OPTS: SHORT_LIVED.performance.join(' '),
};

/** The image takes `node.id` as KAFKA_NODE_ID. */
export function asEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`KAFKA_${name.replaceAll('.', '_').toUpperCase()}`, value]),
  );
}

/** Waits until the cluster has a broker that is not only listening but registered. */
export async function untilReady(brokers: readonly string[], { timeoutMs }: { timeoutMs: number }): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId: 'ferry-test',
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const cluster = await admin.describeCluster();
      if (cluster.brokers.length > 0) return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    } finally {
      await admin.disconnect();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
