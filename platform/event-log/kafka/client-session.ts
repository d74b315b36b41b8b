import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type ISocketFactory, Kafka, type KafkaConfig, type logCreator, logLevel, type SASLOptions } from 'kafkajs';
import type { KafkaSasl } from '../../../core/config/kafka-security.js';
import { createDefaultSocketFactory } from './kafkajs-internals.js';
import { watchTls } from './tls-watch.js';

/** How the brokers are reached; the same for every client of a log. */
export interface KafkaConnection {
  /** host:port */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Without, connections are not encrypted. */
  readonly tls?: ConnectionOptions;
  readonly sasl?: KafkaSasl;
  readonly logCreator: logCreator;
}

/** One kafkajs client with sockets of its own, which can be ended at once whatever it is doing. */
export interface ClientSession {
  readonly config: KafkaConfig;
  readonly kafka: Kafka;
  readonly isClosed: boolean;
  /** A broker has taken a connection. */
  readonly hasConnected: boolean;
  /** Ends every connection now; what is under way fails, and nothing connects again. */
  close(): void;
}

export interface ClientTimeouts {
  /** A request without an answer fails after this long. */
  readonly requestTimeoutMs: number;
  /** How often kafkajs itself tries again before it reports. */
  readonly retries: number;
}

/** The one place that says how we connect: producers, administration and readers all take it from here. */
export function openSession(connection: KafkaConnection, timeouts: ClientTimeouts): ClientSession {
  const sockets = new Set<Socket>();
  let tlsFailed = false;
  let closed = false;
  let connected = false;
  const config: KafkaConfig = {
    brokers: shuffled(connection.brokers),
    clientId: connection.clientId,
    connectionTimeout: 5_000,
    requestTimeout: timeouts.requestTimeoutMs,
    retry: { retries: timeouts.retries, initialRetryTime: 100, maxRetryTime: 2_000 },
    ...security(connection),
    socketFactory: watchTls(
      trackedSockets(sockets, {
        isClosed: () => closed,
        onConnect: () => {
          connected = true;
        },
      }),
      () => {
        tlsFailed = true;
      },
    ),
    logLevel: logLevel.WARN,
    // A client that was ended on purpose reports its ended connections as errors. Where TLS failed, the call that meets
    // it says so; kafkajs would at every try.
    logCreator: (level) => {
      const write = connection.logCreator(level);
      return (entry) => {
        if (!closed && !tlsFailed) write(entry);
      };
    },
  };
  return {
    config,
    kafka: new Kafka(config),
    get isClosed() {
      return closed;
    },
    get hasConnected() {
      return connected;
    },
    close() {
      closed = true;
      // With an error, because kafkajs fails its requests on `error` and `end` but does not listen to `close`.
      for (const socket of sockets) socket.destroy(new Error('closed by the client'));
    },
  };
}

function security({ tls, sasl }: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls ? { ssl: tls } : {}),
    // A copy: kafkajs keeps in there what it makes of it.
    ...(sasl ? { sasl: { ...sasl } as SASLOptions } : {}),
  };
}

/**
 * kafkajs begins with the first one, each time: were that away, a client without retries would find none of the others.
 */
function shuffled(brokers: readonly string[]): string[] {
  return brokers
    .map((broker) => ({ broker, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ broker }) => broker);
}

function trackedSockets(
  sockets: Set<Socket>,
  { isClosed, onConnect }: { readonly isClosed: () => boolean; readonly onConnect: () => void },
): ISocketFactory {
  const connect = createDefaultSocketFactory();
  return (target) => {
    if (isClosed()) throw new Error('the client is closed');
    const socket = connect(target);
    // A request is one write: waiting to fill a segment (Nagle) only adds the peer's delayed acknowledgement to it.
    socket.setNoDelay(true);
    socket.once('connect', onConnect);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
}

/** Lets a client take its leave of the brokers, but not for longer than this, in ms. */
export async function disconnectWithin(client: { disconnect(): Promise<void> }, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([client.disconnect().catch(() => {}), timeout]);
  clearTimeout(timer);
}
