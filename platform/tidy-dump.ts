/**
 * Makes a dump fit to be kept: without the random keys that newer pg_dumps put in for psql, without the minor versions of
 * who made it, and without the passwords of foreign servers.
 */
export function tidyDump(dump: string): string {
  const lines = dump
    .replaceAll('\r\n', '\n')
    .split('\n')
    .filter((line) => !/^\\(un)?restrict /.test(line) && !/^-- Dumped (from|by) /.test(line));
  return lines
    .map(withoutPassword)
    .join('\n')
    .replaceAll(/\n{4,}/g, '\n\n\n');
}

/** Options of user mappings and servers stand one on a line. */
function withoutPassword(line: string): string {
  return line.replace(/^( +(?:"?(?:sslpassword|password|passwd|secret\w*|passcode)"?)) '(?:[^']|'')*'/i, "$1 '***'");
}
