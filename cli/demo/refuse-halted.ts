import { FerryError } from '../../core/errors.js';
import type { PipelineStatus } from '../../services/control/status/pipeline-status.js';

/** @throws FerryError what a service has halted for. */
export function refuseHalted(status: PipelineStatus): void {
  const halted = status.services.find((service) => service.state === 'halted' && service.error);
  if (!halted) return;
  const { code, message, remedy } = halted.error!;
  throw new FerryError(code, `${halted.service}: ${message}`, { remedy });
}
