import { hasLiteralPassword } from '../core/config/literal-password.js';

/** A password among the arguments is for everybody on this machine to read, in the process list: shows the command alone. */
export function hidePasswords(argv: readonly string[]): void {
  const values = argv.slice(3).map((argument) => argument.replace(/^--[\w-]+=/, ''));
  if (values.some(hasLiteralPassword)) process.title = `ferry ${argv[2]}`;
}
