/** How PostgreSQL's own programs are told where to connect: never by their arguments, which everybody may read. */
export interface LibpqEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Files that the variables name. */
  readonly files: readonly string[];
}

/** Parameters of a URL and the variables that stand for them. */
const PARAMETERS: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  options: 'PGOPTIONS',
};

/** @param env what stands in it already counts where the URL says nothing. */
export function libpqEnvironment(
  url: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LibpqEnvironment {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url.replace('@/', '@localhost/'));
  const isSocket = url.includes('@/') || hostname === '';
  const parts = Object.entries({
    PGHOST: isSocket ? '' : hostname.replaceAll(/[[\]]/g, ''),
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  }).filter(([, value]) => value !== '');
  const named = Object.entries(PARAMETERS).flatMap(([parameter, variable]) => {
    const value = searchParams.get(parameter);
    return value ? [[variable, value] as const] : [];
  });
  const own = Object.fromEntries([...parts, ...named]);
  const inherited = Object.values(PARAMETERS).flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const variables: Record<string, string> = { ...Object.fromEntries(inherited), ...own };
  Object.assign(variables, impliedTls(variables));
  const files = ['PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY'].flatMap((name) => variables[name] ?? []);
  return { variables, files: files.filter((file) => file !== 'system') };
}

/** Our own sessions read it so: who names a CA wants it checked; without one, those that the system trusts are meant. */
function impliedTls({ PGSSLMODE: mode, PGSSLROOTCERT: root }: Readonly<Record<string, string | undefined>>) {
  if (mode === undefined && root !== undefined) return { PGSSLMODE: 'verify-full' };
  return mode === 'verify-full' && root === undefined ? { PGSSLROOTCERT: 'system' } : {};
}
