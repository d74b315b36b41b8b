import { type FilePlace, formatPlace } from '../../mapping.js';

/** What of the new project's writes does not come back to the old one, and why. */
export interface OneWay {
  /**
   * - `table`: nothing that is written to the table comes back.
   * - `new-rows`: a row that is new in the new project cannot be written to the old one.
   * - `rows`: some rows do not, or meet others there.
   * - `column`: nothing that is written to a column of the new project does; the rest of its rows does.
   * - `kept`: nothing fills a column of the old project; its rows keep what they have.
   * - `values`: some values of a column do not.
   */
  readonly level: 'table' | 'new-rows' | 'rows' | 'column' | 'kept' | 'values';
  /** The table of the old project. */
  readonly source: string;
  /** The table of the new one. */
  readonly target: string;
  /** Of the old project at `new-rows` and `kept`, otherwise of the new one. */
  readonly column?: string;
  /** In the mapping. */
  readonly place: FilePlace;
  readonly why: string;
  /** For people. */
  readonly follows: string;
}

export function formatOneWay({ place, follows, why }: OneWay): string {
  return `${formatPlace(place)}: ${follows}: ${why}`;
}
