/** What the name of a way back ends with, behind that of the pipeline that it leads back. */
export const WAY_BACK = '-back';

/** Setting of apply's sessions: the pipeline that it writes for. */
export const APPLIES = 'ferry.apply';

/** The pipeline leads from the new project to the old one. */
export function isWayBack(pipeline: string): boolean {
  return pipeline.endsWith(WAY_BACK);
}

/** The pipeline of the other direction: `app-back` of `app`, and the other way round. */
export function otherWay(pipeline: string): string {
  return isWayBack(pipeline) ? pipeline.slice(0, -WAY_BACK.length) : `${pipeline}${WAY_BACK}`;
}

/**
 * Whether a pipeline carries the changes of its source, as of a place in its stream. `open`: its source serves. `closed`:
 * the other project does, and what is written to the source is the work of the other direction's apply.
 */
export type Turn = 'open' | 'closed';

/** The content of a turn's message: which pipeline, what it is from there on, and the cutover or rollback that says so. */
export interface TurnOrder {
  readonly pipeline: string;
  readonly turn: Turn;
  readonly run: string;
}

export function formatTurn(order: TurnOrder): string {
  return JSON.stringify(order);
}

export function parseTurn(content: string): TurnOrder {
  return JSON.parse(content) as TurnOrder;
}
