import { FerryError } from '../../core/errors.js';
import type { TopicSpec } from './port.js';

/**
 * Rows are placed by the number of partitions, so that of a topic that is there must be ours.
 * @param found undefined when it cannot be told, or there is no such topic.
 * @throws FerryError `config-invalid`.
 */
export function refuseOtherPartitions({ topic, partitions }: TopicSpec, found: number | undefined): void {
  if (found === undefined || found === partitions) return;
  throw new FerryError('config-invalid', `the topic ${topic} has ${found} partitions, not ${partitions}`, {
    remedy: `Set log.partitions to ${found} in pipeline.yaml: rows are placed by it. Another number needs a new pipeline.`,
  });
}
