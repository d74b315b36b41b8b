import { domainSchemas } from '../../core/mapping.js';
import { topicsOf } from '../../core/topics.js';
import { workOnAll } from '../../platform/event-log/granted-work.js';
import type { EventLog } from '../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import type { Logger } from '../../platform/logger.js';
import type { ServicePart } from '../../platform/service-state.js';
import { Domains } from './domains.js';

/**
 * Applies all partitions to a target that no service applies to, from its checkpoints on, until the signal fires. It
 * joins no consumer group and reports nothing, so the pipeline's own apply does not hear of it.
 * @param pipeline with that target.
 * @throws FerryError what a partition needs the operator for: whoever ordered the work sees to it.
 */
export async function applyBeside(options: {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { pipeline, signal } = options;
  const { domain } = topicsOf(pipeline.name, pipeline.mappingVersion);
  const bySchema = new Map(domainSchemas(pipeline.tables).map((schema) => [domain(schema), schema]));
  const topics = [...bySchema.keys()].map((topic) => ({ topic, partitions: pipeline.log.partitions }));
  const halted = new AbortController();
  const part = (): ServicePart => ({
    running() {},
    ended() {},
    waits(error, { state }) {
      if (state === 'halted') halted.abort(error);
    },
  });
  const domains = new Domains();
  await workOnAll({ topics, signal: AbortSignal.any([signal, halted.signal]) }, (at, granted) =>
    domains.apply({ ...options, part, passed: () => {}, signal: granted }, bySchema.get(at.topic)!, at),
  );
  halted.signal.throwIfAborted();
}
