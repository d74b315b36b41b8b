import { createHash } from 'node:crypto';
import { FerryError } from '../../core/errors.js';

/**
 * A file's text: without a byte order mark, and with LF at the ends of lines, so that a checkout on another system
 * neither changes a checksum nor what lands in a function's body.
 * @throws FerryError `config-invalid` when it is not UTF-8, or holds a NUL.
 */
export function fileText(file: string, bytes: Uint8Array): string {
  let text: string;
  try {
    // Takes a byte order mark off.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const what = isUtf16 ? 'is UTF-16' : 'is not UTF-8';
    throw new FerryError('config-invalid', `${file} ${what}`, { remedy: 'Save the file as UTF-8.', cause });
  }
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw new FerryError('config-invalid', `${file}:${lineAt(text, nul)}: a NUL character`, {
      remedy: 'Take it out: PostgreSQL has no such text.',
    });
  }
  return text.replaceAll('\r\n', '\n');
}

/** SHA-256 of the text as {@link fileText} gives it, in hex. */
export function checksumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The line, from 1 on, that has the character at an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** `-- ferry: NAME ...` lines of a file: what stands behind the name, of each. */
export function directives(text: string, name: string): string[] {
  const found = text.matchAll(/^--[ \t]*ferry:[ \t]*([a-z-]+)[ \t]*(.*)$/gm);
  return [...found].filter(([, found]) => found === name).map(([, , rest]) => rest!.trim());
}
