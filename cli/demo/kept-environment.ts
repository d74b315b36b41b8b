/** What another shell needs to look at a demo that was kept. */
export interface KeptEnvironment {
  readonly variables: readonly (readonly [name: string, value: string])[];
  /** Some are left out, which the person has. */
  readonly secretsLeftOut: readonly ('PGPASSWORD' | 'KAFKA_SASL_PASSWORD')[];
}

const SHOWN = [
  'KAFKA_BROKERS',
  'KAFKA_TLS_CA',
  'KAFKA_TLS_CERT',
  'KAFKA_TLS_KEY',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'FERRY_LOG_DIR',
  'FERRY_PIPELINE',
];

/**
 * What a person gave is shown without its password. That of a server of our own is shown: made up for this demo, it
 * opens a server on the loopback interface with invented rows, which ends with the demo.
 * @param given which servers are not our own.
 */
export function keptEnvironment(
  env: NodeJS.ProcessEnv,
  given: { readonly source: boolean; readonly target: boolean },
): KeptEnvironment {
  const url = (name: 'SOURCE_URL' | 'TARGET_URL', isGiven: boolean) => {
    const whole = env[name] ?? '';
    const shown = isGiven ? withoutPassword(whole) : whole;
    return { entry: [name, shown] as const, isShort: shown !== whole };
  };
  const urls = [url('SOURCE_URL', given.source), url('TARGET_URL', given.target)];
  const others = SHOWN.flatMap((name) =>
    env[name] || name === 'KAFKA_BROKERS' ? [[name, env[name] ?? ''] as const] : [],
  );
  return {
    variables: [...urls.map(({ entry }) => entry), ...others],
    secretsLeftOut: [
      ...(urls.some(({ isShort }) => isShort) ? (['PGPASSWORD'] as const) : []),
      ...(env.KAFKA_SASL_PASSWORD ? (['KAFKA_SASL_PASSWORD'] as const) : []),
    ],
  };
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  if (!url.password && !url.searchParams.has('password')) return text;
  url.password = '';
  url.searchParams.delete('password');
  return url.href;
}
