export type ProblemKind =
  | 'unnamed'
  | 'duplicate'
  | 'gap'
  | 'release-falls'
  | 'changed'
  | 'missing'
  | 'out-of-order'
  | 'interrupted';

/** Why nothing is run: about a file, or about what the history says of one. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly file?: string;
  readonly version?: string;
  readonly message: string;
  readonly remedy: string;
}
