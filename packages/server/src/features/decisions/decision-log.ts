import { join } from 'node:path';
import type { Database } from '../../database/connection.js';
import { ScopedPool } from '../../database/scope.js';
import type { Logger } from '../../logging.js';
import { createRecorder, type Recorder, type RecorderOptions, recorderLimits } from './recorder.js';
import { openSpool } from './spool.js';

export interface DecisionLogOptions {
  readonly db: Database;
  readonly log: Logger;
  readonly dataDir: string;
  readonly mode: 'durable' | 'async';
  /** Tells this server's spool segments from others' in the same folder. */
  readonly owner: string;
  readonly onBack: () => Promise<void>;
  readonly onDrained: () => void;
  readonly limits?: RecorderOptions['limits'];
  readonly spoolBytes?: number;
}

/** Connections beside the recorder's, for what decisions read. */
const readers = 3;
/** 256 MiB: a quarter of a million decisions of a kilobyte. */
const defaultSpoolBytes = 256 * 1024 * 1024;

/** The recorder over connections of its own and the spool in `dataDir`. */
export async function openDecisionLog(options: DecisionLogOptions): Promise<Recorder> {
  const { db, log, dataDir, mode, owner, onBack, onDrained, limits, spoolBytes = defaultSpoolBytes } = options;
  const { flights, answerMs } = { ...recorderLimits, ...limits };
  const spool = await openSpool({
    folder: join(dataDir, 'spool'),
    maxBytes: spoolBytes,
    owner,
    warn: (message) => log.warn(message),
  });
  const pool = new ScopedPool({
    ...db.connectionConfig,
    application_name: 'policy-studio recorder',
    max: flights + readers,
    connectionTimeoutMillis: answerMs,
    // The server gives up before the client does, so that a late commit is the exception.
    statement_timeout: answerMs - 500,
    idleTimeoutMillis: 0,
    keepAlive: true,
  });
  pool.on('error', (error) => log.warn(`the recorder's database connection was lost: ${error.message}`));
  const recorder = createRecorder({ pool, spool, log, mode, onBack, onDrained, ...(limits ? { limits } : {}) });
  return {
    ...recorder,
    get databaseAway() {
      return recorder.databaseAway;
    },
    get counts() {
      return recorder.counts;
    },
    async stop() {
      await recorder.stop();
      await pool.end();
    },
  };
}
