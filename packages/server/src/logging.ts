import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * What looks like a credential, whatever it stands in: an error of a library, an address. API keys and signing secrets by
 * their beginning, what follows `Bearer`, passwords in addresses, tokens in queries and cookies.
 */
const credentials =
  /\b(?:ps|whsec)_[\w~+/=-]{16,}|(?<=\bBearer )[\w.~+/=-]{8,}|(?<=:\/\/[^\s:/@"]{0,64}:)[^\s@"]+(?=@)|(?<=[?&](?:token|link|code|access_token)=)[^&\s"]+|(?<=policy_session=)[\w-]+/g;

/** One JSON object a line. Credentials never reach it, wherever a caller puts them. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    hooks: { streamWrite: (line: string) => line.replace(credentials, '[redacted]') },
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'authorization',
        '*.authorization',
        '*.headers.authorization',
        '*.headers.cookie',
        '*.headers["x-csrf-token"]',
        'key',
        'token',
        '*.token',
      ],
      censor: '[redacted]',
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
