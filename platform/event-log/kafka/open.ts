import type { Logger } from '../../logger.js';
import type { EventLog } from '../port.js';
import { routeClientLog } from './client-log.js';
import { KafkaLog } from './kafka-log.js';

export interface KafkaLogSettings {
  /** host:port */
  readonly brokers: readonly string[];
  readonly pipeline: string;
  /** What we are called in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Of the topics we create; the brokers' default otherwise. */
  readonly replicationFactor?: number | undefined;
  readonly logger: Logger;
}

/**
 * Opens the log of a pipeline on a Kafka cluster. Connections are made when they are first needed, so it does not
 * fail when the brokers are away; what is then called does, with `log-unreachable`.
 */
export async function openKafkaLog(settings: KafkaLogSettings): Promise<EventLog> {
  const { brokers, pipeline, clientId, replicationFactor, logger } = settings;
  return new KafkaLog({
    connection: { brokers, clientId, logCreator: routeClientLog(logger) },
    pipeline,
    replicationFactor,
  });
}
