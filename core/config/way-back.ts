import { FerryError } from '../errors.js';
import { type FilePlace, formatPlace } from '../mapping.js';
import { WAY_BACK } from '../way-back.js';
import type { Pipeline } from './pipeline.js';
import type { PipelineConfig } from './schema.js';
import type { ParsedFile } from './yaml-file.js';

/** The pipeline that another one is the way back of. */
export interface WayBackOf {
  readonly name: string;
  /** Of its configuration: as it is written, relative to that of the way back; absolute once that is loaded. */
  readonly directory: string;
  /** Where the way back names it. */
  readonly place: FilePlace;
}

/**
 * What `wayBackOf` of a pipeline's file says.
 * @returns undefined where it is none.
 * @throws FerryError `config-invalid`.
 */
export function readWayBackOf({ value, placeOfKey }: ParsedFile<PipelineConfig>): WayBackOf | undefined {
  const { pipeline: name, wayBackOf: directory } = value;
  if (directory === undefined) return undefined;
  const place = placeOfKey(['wayBackOf']);
  if (name.endsWith(WAY_BACK)) return { name: name.slice(0, -WAY_BACK.length), directory, place };
  throw new FerryError(
    'config-invalid',
    `${formatPlace(place)}: wayBackOf: the pipeline ${name} is not called as a way back is`,
    { remedy: `Call it as the pipeline that it leads back, with ${WAY_BACK} behind it.` },
  );
}

type Judged = Pick<Pipeline, 'name' | 'source' | 'target' | 'wayBackOf'>;

/**
 * A way back goes between the same databases, the other way round.
 * @param forward the pipeline that `wayBackOf` names.
 * @throws FerryError `config-invalid`, without any URL.
 */
export function refuseOtherWay(
  { source, target }: Judged,
  { name, directory, place }: WayBackOf,
  forward: Judged,
): void {
  const refuse = (what: string, remedy: string) => {
    throw new FerryError('config-invalid', `${formatPlace(place)}: wayBackOf: ${what}`, { remedy });
  };
  if (forward.wayBackOf) refuse(`${directory} is a way back itself`, 'Name the pipeline that moved the old project.');
  if (forward.name !== name) {
    refuse(
      `the pipeline in ${directory} is ${forward.name}, and this one is the way back of ${name}`,
      `Name the directory of ${name}, or call this one ${forward.name}${WAY_BACK}.`,
    );
  }
  for (const [side, other, url] of [
    ['source', 'target', source.url],
    ['target', 'source', target.url],
  ] as const) {
    if (url !== forward[other].url) {
      refuse(
        `${side}.url is not ${other}.url of ${name}`,
        `Write under \`${side}\` what ${directory} has under \`${other}\`.`,
      );
    }
  }
}

/**
 * The old project keeps rows and columns that the new one never had: nothing may be emptied there to be filled again.
 * @param act that empties tables of the target.
 * @throws FerryError `usage` on a way back.
 */
export function refuseEmptying({ name, wayBackOf }: Judged, act: string): void {
  if (!wayBackOf) return;
  throw new FerryError(
    'usage',
    `${act} empties tables of the target, and ${name} is a way back: they are the old project's`,
    {
      remedy: `Where they differ, write to them by hand; ferry verify -c of ${wayBackOf.name} says where.`,
    },
  );
}
