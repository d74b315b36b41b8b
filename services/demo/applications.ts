import { FerryError } from '../../core/errors.js';
import type { Application } from './application.js';
import { chiefOfStaff } from './chief-of-staff/application.js';
import { disruptor } from './disruptor/application.js';
import { growthSplit } from './growth-split/application.js';

/** By the name of the ready pipeline, which is that of its directory in config/. */
export const APPLICATIONS: Readonly<Record<string, Application>> = {
  'chief-of-staff': chiefOfStaff,
  disruptor,
  'growth-split': growthSplit,
};

/** @throws FerryError `usage` when there is no such ready pipeline. */
export function applicationOf(pipeline: string): Application {
  const found = Object.hasOwn(APPLICATIONS, pipeline) ? APPLICATIONS[pipeline] : undefined;
  if (found) return found;
  throw new FerryError('usage', `there is no ready pipeline ${pipeline}`, {
    remedy: `Ready are: ${Object.keys(APPLICATIONS).join(', ')}.`,
  });
}
