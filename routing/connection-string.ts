/**
 * The URL with `sslmode` as psql and the rest of this project mean it: pg 8 by itself takes prefer, require and
 * verify-ca for verify-full.
 */
export function libpqConnectionString(url: string): string {
  const start = url.indexOf('?');
  const parameters = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
  if (!parameters.has('sslmode') || parameters.has('uselibpqcompat')) return url;
  return `${url}&uselibpqcompat=true`;
}
