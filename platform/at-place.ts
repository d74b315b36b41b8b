import { FerryError } from '../core/errors.js';
import { type FilePlace, formatPlace } from '../core/mapping.js';

/** The same error, its message led by the place in the configuration that it follows from; others stay as they are. */
export function atPlace(error: unknown, place: FilePlace | undefined): unknown {
  if (!(error instanceof FerryError) || !place) return error;
  const { code, details, remedy } = error;
  return new FerryError(code, `${formatPlace(place)}: ${error.message}`, { details, remedy, cause: error });
}
