/** `$${` stands for a literal `${`. */
const REFERENCE = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${NAME}` and `${NAME:-fallback}` in a text.
 * @param replace `fallback` is undefined where the reference has none.
 */
export function replaceReferences(
  text: string,
  replace: (name: string, fallback: string | undefined) => string,
): string {
  return text.replaceAll(REFERENCE, (_, literal, name, fallback) => (literal ? '${' : replace(name, fallback)));
}

/** The text of a configuration file in which no reference begins. */
export function literal(text: string): string {
  return text.replaceAll('${', () => '$${');
}
