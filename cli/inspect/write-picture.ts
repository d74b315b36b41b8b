import { basename, dirname } from 'node:path';
import { writeNewFiles } from '../../services/control/init/write-files.js';

/** Writes Mermaid's text; fenced in Markdown, where hosts of repositories draw it. */
export async function writePicture(file: string, picture: string): Promise<void> {
  const text = /\.(md|markdown)$/i.test(file) ? `\`\`\`mermaid\n${picture}\`\`\`\n` : picture;
  await writeNewFiles(dirname(file), [{ path: basename(file), text }]);
}
