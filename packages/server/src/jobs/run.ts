import { asSystem } from '../database/scope.js';
import { databaseFailure } from '../database-failure.js';
import type { Services } from '../services.js';
import type { Job } from './schedule.js';

export interface RunningJobs {
  /** Starts nothing more and returns when what runs is done. */
  stop(): Promise<void>;
}

/** Runs each job at once and then in its turn, counted from the end of its last run, so never twice at a time. */
export function runJobs(jobs: readonly Job[], services: Services): RunningJobs {
  const { clock, log } = services;
  const timers = new Map<Job, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let stopped = false;

  const turn = async (job: Job): Promise<void> => {
    try {
      await asSystem(() => job.run(services, clock.now()));
    } catch (error) {
      const failure = databaseFailure(error);
      // Told once by whoever lost the connection; every job would say it again every second.
      if (failure === 'away') log.debug({ job: job.name }, 'a job waits for the database');
      else log[failure === null ? 'error' : 'warn']({ err: error, job: job.name }, 'a job failed');
    }
  };

  const run = (job: Job): void => {
    const work = turn(job).finally(() => {
      running.delete(work);
      if (!stopped) timers.set(job, setTimeout(() => run(job), job.everyMs).unref());
    });
    running.add(work);
  };

  for (const job of jobs) run(job);
  return {
    async stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
