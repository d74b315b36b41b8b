import type { LoadedPipeline } from '../load-pipeline.js';
import type { Logger } from '../logger.js';
import { openEmbeddedLog } from './embedded/open.js';
import type { EventLog } from './port.js';

/** Opens the pipeline's log: Kafka where it names brokers, the embedded log otherwise. */
export async function openLog(pipeline: LoadedPipeline, clientId: string, logger: Logger): Promise<EventLog> {
  const { brokers, directory, replicationFactor, tls, sasl } = pipeline.log;
  if (brokers.length === 0) return openEmbeddedLog({ directory, pipeline: pipeline.name });
  // Loaded on demand: who uses the embedded log does not wait for a Kafka client at every command.
  const { openKafkaLog } = await import('./kafka/open.js');
  return openKafkaLog({ brokers, pipeline: pipeline.name, clientId, replicationFactor, tls, sasl, logger });
}
