import type { KafkaSasl, KafkaTls } from '../../../core/config/kafka-security.js';
import type { Logger } from '../../logger.js';
import type { EventLog } from '../port.js';
import { routeClientLog } from './client-log.js';
import { KafkaLog } from './kafka-log.js';
import { readTlsFiles } from './tls-files.js';

export interface KafkaLogSettings {
  /** host:port */
  readonly brokers: readonly string[];
  readonly pipeline: string;
  /** What we are called in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Of the topics we create; the brokers' default otherwise. */
  readonly replicationFactor?: number | undefined;
  /** Without, connections are not encrypted. */
  readonly tls?: KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
  readonly logger: Logger;
}

/**
 * Opens the log of a pipeline on a Kafka cluster. Connections are made when they are first needed, so it does not
 * fail when the brokers are away; what is then called does, with `log-unreachable`.
 * @throws FerryError `config-invalid` when a file of `tls` cannot be read.
 */
export async function openKafkaLog(settings: KafkaLogSettings): Promise<EventLog> {
  const { brokers, pipeline, clientId, replicationFactor, tls, sasl, logger } = settings;
  return new KafkaLog({
    connection: {
      brokers,
      clientId,
      ...(tls ? { tls: await readTlsFiles(tls) } : {}),
      ...(sasl ? { sasl } : {}),
      logCreator: routeClientLog(logger),
    },
    pipeline,
    replicationFactor,
  });
}
