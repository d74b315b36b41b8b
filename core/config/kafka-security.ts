import { z } from 'zod';

/** Empty counts as absent, so that one file serves brokers with and without: `${KAFKA_TLS_CA:-}`. */
const text = z
  .string()
  .optional()
  .transform((value) => value || undefined);

/** `log.tls`: undefined for brokers without TLS. */
export const tlsSchema = z.preprocess(
  tlsSwitch,
  z
    .strictObject({
      ca: text.describe(
        "PEM file of the CA that signed the brokers' certificates; `system`: the CAs Node brings along.",
      ),
      cert: text.describe('PEM file of our certificate, where the brokers ask for one.'),
      key: text.describe('PEM file of its key.'),
      serverName: text.describe("The name that the brokers' certificates have, where it is not the one in `brokers`."),
    })
    .superRefine(({ cert, key }, context) => {
      if (!cert === !key) return;
      const missing = cert ? 'key' : 'cert';
      context.addIssue({ code: 'custom', path: [missing], message: 'cert and key go together' });
    })
    .transform(({ ca, ...rest }) => {
      if (!ca && !rest.cert && !rest.serverName) return undefined;
      return { ...rest, ca: ca === 'system' ? undefined : ca };
    }),
);

/** `tls: true` is `tls: {ca: system}`; as text it comes from the environment. */
function tlsSwitch(value: unknown): unknown {
  if (value === true || value === 'true') return { ca: 'system' };
  if (value === false || value === 'false' || value === '' || value === null) return {};
  return value;
}

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** `log.sasl`: undefined for brokers without SASL. */
export const saslSchema = z
  .strictObject({
    mechanism: text
      .transform((value) => value?.toLowerCase())
      .pipe(z.enum(MECHANISMS).optional())
      .describe('plain, scram-sha-256 or scram-sha-512.'),
    username: text,
    password: text.describe('Only from the environment: ${KAFKA_SASL_PASSWORD}.'),
  })
  .superRefine((given, context) => {
    const missing = (['mechanism', 'username', 'password'] as const).filter((name) => !given[name]);
    if (missing.length === 3) return;
    for (const name of missing) {
      context.addIssue({ code: 'custom', path: [name], message: 'mechanism, username and password go together' });
    }
  })
  .transform(({ mechanism, username, password }) =>
    mechanism && username && password ? { mechanism, username, password } : undefined,
  );

export type KafkaTls = Partial<NonNullable<z.output<typeof tlsSchema>>>;
export type KafkaSasl = NonNullable<z.output<typeof saslSchema>>;
