import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { freePort } from './free-port.js';
import { asEnvironment, SHORT_LIVED_ENVIRONMENT } from './kafka.js';
import { type MavenKafka, newClusterId, startMavenKafka } from './kafka-from-maven.js';

/** Three brokers, each a controller too, that a test kills and brings back one at a time. */
export interface KafkaCluster {
  /** host:port of the nodes 1, 2 and 3, in this order. */
  readonly brokers: readonly string[];
  /** Where the brokers come from, for people. */
  readonly source: string;
  /** SIGKILL; the data stays. */
  kill(node: number): Promise<void>;
  /** Starts a killed broker again, with the same data at the same address; does not wait until it works. */
  restart(node: number): Promise<void>;
  /** Names of the topics whose name begins with the prefix; while all topics of the cluster have leaders. */
  topics(prefix: string): Promise<string[]>;
  /** The nodes that lead a partition of the topics. */
  leaders(topics: readonly string[]): Promise<Set<number>>;
  /** Waits until all brokers are in sync everywhere. */
  untilInSync(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

interface Node {
  readonly address: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const IMAGE = 'apache/kafka:4.1.0';
const NODES = [1, 2, 3] as const;

/** Three Java processes start at once, on a machine that has other work. */
const START_TIMEOUT_MS = 120_000;

/** Kafka's own settings where they are not about three nodes: its time-outs are what users meet. */
const SETTINGS: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.num.partitions': '3',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  // Leadership goes back to a broker soon after it has come back, so that every round begins with all of them leading.
  'leader.imbalance.check.interval.seconds': '3',
};

/**
 * Starts three brokers: in containers where Docker answers, else from Maven's jars where there are Java and Maven.
 * @throws Error with the reasons when neither can be had.
 */
export async function startKafkaCluster(): Promise<KafkaCluster> {
  const reasons: string[] = [];
  for (const [label, start] of [
    ['Docker', startContainers],
    ['Java and Maven', startFromMaven],
  ] as const) {
    try {
      return await whenInSync(label, await start());
    } catch (error) {
      reasons.push(`${label}: ${(error as Error).message.trim()}`);
    }
  }
  throw new Error(reasons.join('; '));
}

async function whenInSync(source: string, nodes: readonly Node[]): Promise<KafkaCluster> {
  const cluster = new RunningCluster(source, nodes);
  try {
    await cluster.untilInSync(START_TIMEOUT_MS);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class RunningCluster implements KafkaCluster {
  readonly brokers: readonly string[];
  readonly source: string;
  readonly #nodes: readonly Node[];

  constructor(source: string, nodes: readonly Node[]) {
    this.source = source;
    this.#nodes = nodes;
    this.brokers = nodes.map(({ address }) => address);
  }

  kill(node: number): Promise<void> {
    return this.#nodes[node - 1]!.kill();
  }

  restart(node: number): Promise<void> {
    return this.#nodes[node - 1]!.restart();
  }

  async topics(prefix: string): Promise<string[]> {
    const names = await this.#ask((admin) => admin.listTopics());
    return names.filter((name) => name.startsWith(prefix));
  }

  async leaders(topics: readonly string[]): Promise<Set<number>> {
    const found = await this.#ask((admin) => admin.fetchTopicMetadata({ topics: [...topics] }));
    return new Set(found.topics.flatMap(({ partitions }) => partitions.map(({ leader }) => leader)));
  }

  async untilInSync(timeoutMs = 180_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let lacking = '';
    while (performance.now() < deadline) {
      lacking = await this.#ask(outOfSync).catch((error: Error) => error.message);
      if (lacking === '') return;
      await sleep(100);
    }
    throw new Error(`after ${timeoutMs / 1000} s the brokers are not in sync: ${lacking}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const kafka = new Kafka({
      brokers: [...this.brokers],
      logLevel: logLevel.NOTHING,
      // One of them may be down: the next one of the list is asked.
      retry: { retries: NODES.length, initialRetryTime: 50, maxRetryTime: 50 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await question(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

/** What is not as it should be; empty when every broker is there and has everything. */
async function outOfSync(admin: Admin): Promise<string> {
  const { brokers } = await admin.describeCluster();
  if (brokers.length < NODES.length) return `${brokers.length} brokers are registered`;
  const { topics } = await admin.fetchTopicMetadata();
  const behind = topics.flatMap(({ name, partitions }) =>
    partitions.filter(({ isr, replicas }) => isr.length < replicas.length).map((p) => `${name}/${p.partitionId}`),
  );
  return behind.join(', ');
}

async function startFromMaven(): Promise<Node[]> {
  const ports = await Promise.all(NODES.map(async () => ({ broker: await freePort(), controller: await freePort() })));
  const voters = NODES.map((node, i) => `${node}@127.0.0.1:${ports[i]!.controller}`).join(',');
  const quorum = { clusterId: newClusterId(), voters };
  const settings = { ...SETTINGS, 'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT' };
  // One after the other: the first may have to fetch the jars.
  const nodes: Node[] = [];
  try {
    for (const [i, node] of NODES.entries()) {
      const broker = await startMavenKafka({ ...settings, 'node.id': String(node) }, ports[i]!, { quorum });
      nodes.push(mavenNode(broker, `127.0.0.1:${ports[i]!.broker}`));
    }
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  }
}

function mavenNode(broker: MavenKafka, address: string): Node {
  // That it ended is seen by whoever waits for the cluster.
  broker.failed.catch(() => {});
  const stop = async () => {
    // Asked to end, the last ones would wait for a quorum that is gone.
    await broker.down();
    await broker.stop();
  };
  return { address, kill: broker.down, restart: async () => broker.up(), stop };
}

async function startContainers(): Promise<Node[]> {
  const { getContainerRuntimeClient, Network } = await import('testcontainers');
  const { info } = await getContainerRuntimeClient();
  const network = await new Network().start();
  const clusterId = newClusterId();
  const started = await Promise.allSettled(
    NODES.map((node) => startContainer(node, { network, clusterId, host: info.containerRuntime.host })),
  );
  const nodes = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stopAll = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await network.stop();
  };
  const failed = started.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await stopAll();
    throw failed.reason;
  }
  const [first, ...others] = nodes;
  return [{ ...first!, stop: stopAll }, ...others.map((node) => ({ ...node, stop: async () => {} }))];
}

async function startContainer(
  node: number,
  place: { network: import('testcontainers').StartedNetwork; clusterId: string; host: string },
): Promise<Node> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  // Chosen beforehand, because a broker tells its clients the address at which they shall reach it.
  const port = await freePort();
  const settings = {
    ...SETTINGS,
    'node.id': String(node),
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093,BROKER://:9094',
    'advertised.listeners': `PLAINTEXT://${place.host}:${port},BROKER://kafka-${node}:9094`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.quorum.voters': NODES.map((id) => `${id}@kafka-${id}:9093`).join(','),
  };
  const container = await new GenericContainer(IMAGE)
    .withNetwork(place.network)
    .withNetworkAliases(`kafka-${node}`)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      CLUSTER_ID: place.clusterId,
      ...SHORT_LIVED_ENVIRONMENT,
      ...asEnvironment(settings),
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(START_TIMEOUT_MS)
    .start();
  const handle = (await getContainerRuntimeClient()).container.getById(container.getId());
  return {
    address: `${place.host}:${port}`,
    kill: async () => {
      const gone = handle.wait();
      await handle.kill({ signal: 'SIGKILL' });
      await gone;
    },
    restart: async () => void (await handle.start()),
    stop: async () => void (await handle.remove({ force: true, v: true })),
  };
}
