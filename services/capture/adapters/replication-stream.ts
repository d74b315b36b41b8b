import type pg from 'pg';
import { LogicalReplicationService } from 'pg-logical-replication';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, LSN_ZERO, type Lsn } from '../../../core/lsn.js';
import {
  classify,
  clientConfig,
  describeUrl,
  NO_TRANSACTION_TIMEOUT,
  quoteLiteral,
  settleConnection,
} from '../../../platform/postgres.js';
import type { ReplicationStream } from '../ports.js';

/**
 * pgoutput with the messages left as bytes: the library's own parser loses microseconds, digits, byte order marks and
 * unsigned ids. Protocol version 1: the server reorders and spills, so a transaction of any size flows through.
 */
class RawPgoutput {
  readonly name = 'pgoutput';
  readonly options: { readonly publication: string };
  client: pg.Client | undefined;

  constructor(options: { publication: string }) {
    this.options = options;
  }

  async start(client: pg.Client, slot: string, lsn: string): Promise<unknown> {
    this.client = client;
    // The walsender decodes each transaction within one of its own.
    await client.query(NO_TRANSACTION_TIMEOUT);
    const options = `proto_version '1', publication_names ${quoteLiteral(this.options.publication)}, messages 'true'`;
    return client.query(`START_REPLICATION SLOT ${JSON.stringify(slot)} LOGICAL ${lsn} (${options})`);
  }

  parse(message: Buffer): Buffer {
    return message;
  }
}

/** The server asks at half of wal_sender_timeout; a status each second is enough for one of two seconds. */
const STATUS_INTERVAL_MS = 1_000;

/** As PostgreSQL's own receiver does: asks for an answer, and later takes the connection for lost. */
const ASK_AFTER_MS = 10_000;
const SILENT_AFTER_MS = 30_000;

interface ReplicationSocket {
  readonly bytesRead: number;
  pause(): void;
  resume(): void;
}

/** How long nothing has come although we listened. */
class Silence {
  /** We do not read. */
  isOurs = false;
  #bytes = -1;
  #heardAt = 0;
  #measuredAt = 0;

  /** Call each STATUS_INTERVAL_MS. @returns ms */
  measure(now: number, bytesRead: number): number {
    // A process that stood still itself has heard nothing, whatever was said.
    const stoodStill = now - this.#measuredAt > 5 * STATUS_INTERVAL_MS;
    if (this.isOurs || stoodStill || bytesRead !== this.#bytes) this.#heardAt = now;
    this.#bytes = bytesRead;
    this.#measuredAt = now;
    return now - this.#heardAt;
  }
}

/**
 * Opens the replication connection. The library is its transport only: its acknowledgements by message and by timer
 * confirm what nobody has handled, so both are off, and every connection is a new service, because a used one resumes
 * at the last LSN that it received.
 */
export async function openReplicationStream(
  options: { url: string; slot: string; publication: string },
  onMessage: (message: Buffer) => void,
): Promise<ReplicationStream> {
  const subject = `the replication slot ${options.slot} at ${describeUrl(options.url)}`;
  const connection = await settleConnection('source', options.url);
  const service = new LogicalReplicationService(clientConfig(connection, { applicationName: 'ferry capture stream' }), {
    acknowledge: { auto: false, timeoutSeconds: 0 },
  });
  const plugin = new RawPgoutput({ publication: options.publication });
  const socket = () =>
    (plugin.client as unknown as { connection?: { stream?: ReplicationSocket } })?.connection?.stream;
  const silence = new Silence();
  let durable = LSN_ZERO;
  let disposed = false;

  const sendStatus = (asksForAnswer = false) => {
    // The library adds 1 to what it is given, and a commit's end is the next commit's possible start: end - 1 makes
    // confirmed_flush_lsn equal the end exactly, so that a transaction that begins there is sent again.
    void service.acknowledge(formatLsn((durable > 0n ? durable - 1n : 0n) as Lsn), asksForAnswer).catch(() => {});
  };
  let fail: (error: unknown) => void = () => {};
  const timer = setInterval(() => {
    const silentMs = silence.measure(performance.now(), socket()?.bytesRead ?? 0);
    sendStatus(silentMs > ASK_AFTER_MS);
    if (silentMs < SILENT_AFTER_MS) return;
    fail(new FerryError('source-unreachable', `${subject}: nothing has come for ${SILENT_AFTER_MS / 1_000} s`));
  }, STATUS_INTERVAL_MS);

  const ended = new Promise<void>((resolve, reject) => {
    fail = (error) => (disposed ? resolve() : reject(classify('source', error, subject)));
    service.on('error', fail);
    service.on('heartbeat', (_lsn, _time, shouldRespond) => {
      if (shouldRespond) sendStatus();
    });
    service.on('data', (_lsn: string, message: Buffer) => {
      if (disposed) return;
      try {
        onMessage(message);
      } catch (error) {
        // The stream must not go past a message that was not handled.
        socket()?.pause();
        fail(error);
      }
    });
    service
      .subscribe(plugin, options.slot, '0/0')
      .then(() => fail(new FerryError('connection-lost', `${subject}: the server ended the stream`)), fail);
  });
  // Whoever waits for `ended` later must still see the failure; nobody waiting yet is no crash.
  ended.catch(() => {});

  return {
    pause: () => {
      silence.isOurs = true;
      socket()?.pause();
    },
    resume: () => {
      silence.isOurs = false;
      socket()?.resume();
    },
    acknowledge: (commitEnd) => {
      if (commitEnd > durable) durable = commitEnd;
    },
    ended,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      if (!disposed) sendStatus();
      disposed = true;
      // A paused socket would never see the end of the connection.
      socket()?.resume();
      await service.destroy().catch(() => {});
    },
  };
}
