/** The part of a logger that the database layer needs; a pino logger is one. */
export interface DatabaseLog {
  info(message: string): void;
  warn(message: string): void;
}
