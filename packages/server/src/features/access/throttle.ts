/** Counts in fixed windows, for at most `maxKeys` keys: a flood of new keys forgets the oldest, memory stays bounded. */
export class Throttle {
  private readonly windows = new Map<string | number, { startMs: number; count: number }>();

  constructor(
    private readonly limit: number,
    private readonly windowMs: number,
    private readonly maxKeys = 50_000,
  ) {}

  /** Seconds until `key` may go on; 0 when it may now. Counts nothing. */
  retryAfter(key: string | number, nowMs: number): number {
    const window = this.windows.get(key);
    if (!window || window.count < this.limit) return 0;
    const leftMs = window.startMs + this.windowMs - nowMs;
    // A clock that was set back must not lock anybody out for longer than a window.
    return leftMs > 0 && leftMs <= this.windowMs ? leftMs / 1000 : 0;
  }

  /** What `key` may still do in its window, and the seconds until the next. */
  left(key: string | number, nowMs: number): { left: number; seconds: number } {
    const window = this.windows.get(key);
    const leftMs = window ? window.startMs + this.windowMs - nowMs : 0;
    if (!window || leftMs <= 0 || leftMs > this.windowMs) return { left: this.limit, seconds: this.windowMs / 1000 };
    return { left: Math.max(0, this.limit - window.count), seconds: leftMs / 1000 };
  }

  count(key: string | number, nowMs: number): void {
    const window = this.windows.get(key);
    if (window && nowMs >= window.startMs && nowMs < window.startMs + this.windowMs) {
      window.count += 1;
      return;
    }
    this.windows.delete(key);
    this.windows.set(key, { startMs: nowMs, count: 1 });
    if (this.windows.size > this.maxKeys) {
      const oldest = this.windows.keys().next();
      if (!oldest.done) this.windows.delete(oldest.value);
    }
  }
}
