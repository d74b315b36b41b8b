/** What a person has to see to. */
export interface Finding {
  /** `left`: it is not in the files. `look`: it is, and may need more than was done. */
  readonly kind: 'left' | 'look';
  /** As SQL calls it: `policy "Users can read" on public.users`. */
  readonly object: string;
  /** In the dump, from 1 on. */
  readonly line: number;
  readonly why: string;
  readonly remedy: string;
}
