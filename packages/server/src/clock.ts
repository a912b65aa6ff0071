/** Where time comes from. Read once per command, then passed on as a value. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
