import { Document, isMap, isNode, isScalar, isSeq } from 'yaml';

/** What a comment says of the entry at a path: printed above its key, or above it in a list. */
export interface EntryComment {
  readonly path: readonly (string | number)[];
  readonly lines: readonly string[];
}

/** Writes a commented YAML file; the library quotes what needs quotes. */
export function yamlText(
  value: object,
  comments: {
    readonly head: readonly string[];
    readonly entries: readonly EntryComment[];
    readonly tail: readonly string[];
  },
): string {
  const document = new Document(value);
  document.commentBefore = commentText(comments.head);
  for (const { path, lines } of comments.entries) {
    const parent = path.length > 1 ? document.getIn(path.slice(0, -1)) : document.contents;
    const item = isSeq(parent) && parent.items[Number(path.at(-1))];
    if (isNode(item)) item.commentBefore = commentText(lines);
    const pair = isMap(parent) && parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
    if (pair && isScalar(pair.key)) {
      pair.key.commentBefore = commentText(lines);
      pair.key.spaceBefore = path.length < 3 && isMap(parent) && parent.items[0] !== pair;
    }
  }
  if (comments.tail.length > 0) document.comment = commentText(comments.tail);
  // A value a line, however long; a block of text has ends that a reader does not see.
  return document.toString({ lineWidth: 0, flowCollectionPadding: false, blockQuote: false });
}

/** A line break inside a name would end the comment. */
function commentText(lines: readonly string[]): string {
  return lines.map((line) => ` ${line.replaceAll(/[\r\n]+/g, ' ')}`).join('\n');
}

/** A reference to an environment variable, which stays one in the file. */
export function environment(name: string): string {
  return `\${${name}}`;
}
