import { replaceReferences } from './env-references.js';

/** Stands for what comes from the environment; a number, so that it passes for a port too. */
const MARK = '65001';

/** True when a text has more to it than references to the environment, defaults counted as text. */
export function isLiteral(text: string): boolean {
  return replaceReferences(text, (_name, fallback) => fallback ?? '') !== '';
}

/** True when a connection URL, as it stands in a file, holds a password or a part of one. */
export function hasLiteralPassword(url: string): boolean {
  const parsed = parse(replaceReferences(url, (_name, fallback) => fallback ?? MARK));
  if (!parsed) return false;
  const { password, searchParams } = parsed;
  return [password, searchParams.get('password') ?? ''].some((part) => part.replaceAll(MARK, '') !== '');
}

/** What cannot be parsed is no URL to connect with either, and is refused there. */
function parse(url: string): URL | undefined {
  // Without a host, which the standard does not allow behind a user, it is the local socket's.
  for (const spelling of [url, url.replace('@/', '@localhost/')]) {
    if (URL.canParse(spelling)) return new URL(spelling);
  }
  return undefined;
}
