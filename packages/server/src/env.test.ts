import { describe, expect, it } from 'vitest';
import { EnvironmentError, readEnvironment } from './env.js';

const read = (variables: Record<string, string> = {}) => readEnvironment(variables, '/srv');

describe('the environment', () => {
  it('may be empty', () => {
    expect(read()).toEqual({
      host: '127.0.0.1',
      port: 8080,
      dataDir: '/srv/data',
      databaseUrl: null,
      hmacSecret: null,
      previousHmacSecret: null,
      adminToken: null,
      createTablesOnStartup: true,
      logLevel: 'info',
      metricsToken: null,
      decisionLog: 'durable',
      tls: null,
      trustedProxy: [],
      publicUrl: null,
      allowPrivateWebhooks: false,
      identity: { sessionIdleMs: 8 * 3600_000, sessionMs: 24 * 3600_000, oidc: null, jwt: null },
      requestsPerMinute: 6_000,
      seedDemo: true,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(read({ PORT: '', HOST: ' ', ADMIN_TOKEN: '' })).toEqual(read());
  });

  it('leaves tables to `migrate` on a database of its own, unless told otherwise', () => {
    const external = { DATABASE_URL: 'postgres://u@h/d', HMAC_SECRET: 's'.repeat(32) };
    expect(read(external)).toMatchObject({ createTablesOnStartup: false });
    expect(read({ ...external, CREATE_TABLES_ON_STARTUP: 'true' })).toMatchObject({ createTablesOnStartup: true });
    expect(read({ CREATE_TABLES_ON_STARTUP: 'no' })).toMatchObject({ createTablesOnStartup: false });
  });

  it.each([
    [{ PORT: '80x' }, /^PORT `80x` is not a port/],
    [{ PORT: '70000' }, /^PORT/],
    [{ PORT: '-1' }, /^PORT/],
    [{ REQUESTS_PER_MINUTE: '-1' }, /^REQUESTS_PER_MINUTE `-1` is not a number from 60/],
    [{ REQUESTS_PER_MINUTE: '59' }, /^REQUESTS_PER_MINUTE/],
    [{ REQUESTS_PER_MINUTE: '1e3' }, /^REQUESTS_PER_MINUTE/],
    [{ PUBLIC_URL: 'policy.example.com' }, /^PUBLIC_URL `policy.example.com` is not an address/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL `loud` is none of fatal, error/],
    [{ DECISION_LOG: 'sometimes' }, /^DECISION_LOG `sometimes` is none of durable, async$/],
    [{ CREATE_TABLES_ON_STARTUP: 'maybe' }, /^CREATE_TABLES_ON_STARTUP `maybe` is neither true nor false$/],
    [{ METRICS_TOKEN: 'short' }, /^METRICS_TOKEN has 5 characters, 16 or more/],
    [{ ADMIN_TOKEN: 'short' }, /^ADMIN_TOKEN has 5 characters, 16 or more are needed$/],
    [{ ADMIN_TOKEN: 'sixteen chars it is' }, /^ADMIN_TOKEN must be .*without spaces$/],
    [{ ADMIN_TOKEN: 'change-me-0123456789' }, /^ADMIN_TOKEN is a default or an example/],
    [{ METRICS_TOKEN: 'your-metrics-token' }, /^METRICS_TOKEN is a default or an example/],
    [{ HMAC_SECRET: 'short' }, /^HMAC_SECRET has 5 characters/],
    [{ HMAC_SECRET: 'change-me-0123456789' }, /^HMAC_SECRET is a default or an example/],
    [{ HMAC_SECRET: 'your-secret-key-here' }, /^HMAC_SECRET is a default or an example/],
    [{ HMAC_SECRET_PREVIOUS: 'short' }, /^HMAC_SECRET_PREVIOUS has 5 characters/],
    [{ HMAC_SECRET: 's'.repeat(32), HMAC_SECRET_PREVIOUS: 's'.repeat(32) }, /^HMAC_SECRET_PREVIOUS is HMAC_SECRET/],
    [{ DATABASE_URL: 'postgres://u@h/d' }, /^HMAC_SECRET is needed with DATABASE_URL/],
    [{ TLS_CERT: 'a.pem' }, /^TLS_KEY is missing/],
    [{ TLS_KEY: 'a.pem' }, /^TLS_CERT is missing/],
    [{ TRUSTED_PROXY: '10.0.0.0/33' }, /^TRUSTED_PROXY `10.0.0.0\/33`/],
    [{ TRUSTED_PROXY: 'proxy.example' }, /^TRUSTED_PROXY/],
    [{ TRUSTED_PROXY: '10.0.0.1,nonsense' }, /^TRUSTED_PROXY `nonsense`/],
    [{ HOST: '0.0.0.0' }, /^HOST `0.0.0.0` is open to other machines/],
    [{ HOST: '::' }, /^HOST/],
    [{ HOST: '192.168.1.5' }, /^HOST/],
    [{ HOST: 'example.com' }, /^HOST/],
    [{ HOST: '127.0.0.1.example.com' }, /^HOST/],
  ])('with %o stops the start in one line', (variables, message) => {
    const failure = (() => {
      try {
        return read(variables);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(EnvironmentError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain('\n');
  });

  it('never repeats a secret', () => {
    for (const name of ['ADMIN_TOKEN', 'HMAC_SECRET']) {
      let message = '';
      try {
        read({ [name]: 'hush hush' });
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain(name);
      expect(message).not.toContain('hush');
    }
  });

  it('bounds the requests of a key unless told not to', () => {
    expect(read({ REQUESTS_PER_MINUTE: '60' }).requestsPerMinute).toBe(60);
    expect(read({ REQUESTS_PER_MINUTE: '0' }).requestsPerMinute).toBeNull();
  });

  it.each([
    { HOST: '127.0.0.1' },
    { HOST: '127.8.8.8' },
    { HOST: '::1' },
    { HOST: 'localhost' },
    { HOST: '0.0.0.0', ALLOW_PLAIN_HTTP: 'true' },
    { HOST: '0.0.0.0', TRUSTED_PROXY: '10.0.0.0/8, fd00::/8' },
    { HOST: '0.0.0.0', TLS_CERT: 'a', TLS_KEY: 'b' },
  ])('with %o may bind there', (variables) => {
    expect(read(variables).host).toBe(variables.HOST);
  });
});
