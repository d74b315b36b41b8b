import type { Socket } from 'node:net';
import { type ISocketFactory, Kafka, type KafkaConfig, type logCreator, logLevel } from 'kafkajs';
import { createDefaultSocketFactory } from './kafkajs-internals.js';

/** How the brokers are reached; the same for every client of a log. */
export interface KafkaConnection {
  /** host:port */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logCreator: logCreator;
}

/** One kafkajs client with sockets of its own, which can be ended at once whatever it is doing. */
export interface ClientSession {
  readonly config: KafkaConfig;
  readonly kafka: Kafka;
  readonly isClosed: boolean;
  /** Ends every connection now; what is under way fails, and nothing connects again. */
  close(): void;
}

export interface ClientTimeouts {
  /** A request without an answer fails after this long. */
  readonly requestTimeoutMs: number;
  /** How often kafkajs itself tries again before it reports. */
  readonly retries: number;
}

/**
 * The one place that says how we connect: TLS and SASL belong into this configuration (`ssl`, `sasl`), from where
 * producers, administration and readers all take it.
 */
export function openSession(connection: KafkaConnection, timeouts: ClientTimeouts): ClientSession {
  const sockets = new Set<Socket>();
  let closed = false;
  const config: KafkaConfig = {
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    connectionTimeout: 5_000,
    requestTimeout: timeouts.requestTimeoutMs,
    retry: { retries: timeouts.retries, initialRetryTime: 100, maxRetryTime: 2_000 },
    socketFactory: trackedSockets(sockets, () => closed),
    logLevel: logLevel.WARN,
    // A client that was ended on purpose reports its ended connections as errors.
    logCreator: (level) => {
      const write = connection.logCreator(level);
      return (entry) => {
        if (!closed) write(entry);
      };
    },
  };
  return {
    config,
    kafka: new Kafka(config),
    get isClosed() {
      return closed;
    },
    close() {
      closed = true;
      // With an error, because kafkajs fails its requests on `error` and `end` but does not listen to `close`.
      for (const socket of sockets) socket.destroy(new Error('closed by the client'));
    },
  };
}

function trackedSockets(sockets: Set<Socket>, isClosed: () => boolean): ISocketFactory {
  const connect = createDefaultSocketFactory();
  return (target) => {
    if (isClosed()) throw new Error('the client is closed');
    const socket = connect(target);
    // A request is one write: waiting to fill a segment (Nagle) only adds the peer's delayed acknowledgement to it.
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
}
