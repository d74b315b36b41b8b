import { eventually } from '../test/support/eventually.js';
import { freePort } from '../test/support/free-port.js';
import { SINGLE_BROKER, untilReady } from '../test/support/kafka.js';
import { type MavenKafka, startMavenKafka } from '../test/support/kafka-from-maven.js';
import { type OwnServer, ownServer } from '../test/support/own-server.js';
import { Network } from './network.js';

/** Smaller than some records: those are appended in parts. */
const BROKER_MESSAGE_BYTES = 48 * 1024;
const BROKER_READY_MS = 90_000;

/** What ends again all that was started, in the order in which it was. */
export type Undo = (() => Promise<void>)[];

/** A server behind a network of its own. */
export interface Place {
  readonly server: OwnServer;
  readonly network: Network;
}

export interface Broker {
  readonly server: MavenKafka;
  readonly network: Network;
  /** That it has met. */
  faults: number;
}

export async function startPlace(undo: Undo): Promise<Place> {
  // A session whose client is gone without a word ends the sooner.
  const server = await ownServer({ wal_sender_timeout: '10s' });
  undo.push(() => server.stop());
  const url = new URL(server.url);
  const network = await Network.start({ host: url.hostname, port: Number(url.port) });
  undo.push(() => network.stop());
  return { server, network };
}

export async function startBroker(undo: Undo): Promise<Broker> {
  const [port, controller] = [await freePort(), await freePort()];
  const network = await Network.start({ host: '127.0.0.1', port });
  undo.push(() => network.stop());
  // Clients go on where the broker tells them to: to the network, not around it.
  const settings = {
    ...SINGLE_BROKER,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${network.port}`,
    'message.max.bytes': String(BROKER_MESSAGE_BYTES),
  };
  const server = await startMavenKafka(settings, { broker: port, controller });
  undo.push(() => server.stop());
  await Promise.race([brokerReady(network), server.failed]);
  server.failed.catch(() => {});
  return { server, network, faults: 0 };
}

/** Resolves once a broker answers through its network. */
export async function brokerReady({ port }: Network): Promise<void> {
  // The network may be cut meanwhile.
  const ready = () => untilReady([`127.0.0.1:${port}`], { timeoutMs: BROKER_READY_MS }).then(() => true);
  await eventually(ready, { what: 'the broker', timeoutMs: BROKER_READY_MS });
}

/** A server's URL through its network. */
export function through({ server, network }: Place): string {
  const url = new URL(server.url);
  url.port = String(network.port);
  return url.href;
}
