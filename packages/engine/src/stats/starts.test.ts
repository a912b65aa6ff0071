import { describe, expect, it } from 'vitest';
import { draws, median } from './draws.testkit.js';
import type { Counts } from './evidence.js';
import { rateEvidence } from './evidence.js';
import { rateGate } from './rate-gate.js';
import { type SinceStart, startWeight } from './starts.js';

const limits = { name: 'error rate', gate: 0.05, critical: 0.1, minSample: 100 };
const gate = rateGate(limits);

/** Starts that the server reads, in minutes: as many blocks of five seconds come before them as fit. */
const minutesAgo = [0, 1, 2, 4, 9, 19, 39, 79, 159, 359];

/** Counts of a stream by the minute, read as the server reads them. */
class Stream {
  readonly #badTo: number[] = [0];
  readonly #allTo: number[] = [0];
  add(bad: number, all: number): void {
    this.#badTo.push((this.#badTo.at(-1) ?? 0) + bad);
    this.#allTo.push((this.#allTo.at(-1) ?? 0) + all);
  }
  get minutes(): number {
    return this.#allTo.length - 1;
  }
  since(minute: number): Counts[] {
    const bad = (this.#badTo.at(-1) ?? 0) - (this.#badTo[minute] ?? 0);
    return [{ bad, good: (this.#allTo.at(-1) ?? 0) - (this.#allTo[minute] ?? 0) - bad }];
  }
  later(): SinceStart<Counts[]>[] {
    const starts = minutesAgo.map((ago) => this.minutes - 1 - ago).filter((minute) => minute > 0);
    return starts.map((minute) => ({ ordinal: minute * 12, seen: this.since(minute) }));
  }
}

describe('weights of starts', () => {
  it('are never more than 1 together, however many there are', () => {
    let sum = 0;
    let last = Number.POSITIVE_INFINITY;
    for (let ordinal = 0; ordinal < 2_000_000; ordinal++) {
      const weight = startWeight(ordinal);
      if (weight <= 0 || weight > last) throw new Error(`the weight of start ${ordinal} is ${weight}`);
      last = weight;
      sum += weight;
    }
    expect(sum).toBeGreaterThan(0.99);
    expect(sum).toBeLessThan(1);
  });

  it('make evidence of what all starts saw: over all outcomes at the limit its mean is 1', () => {
    const evidence = rateEvidence(0.3, 'above');
    const n = 10;
    let mean = 0;
    for (let outcome = 0; outcome < 2 ** n; outcome++) {
      const bads = Array.from({ length: n }, (_, at) => (outcome >> at) & 1);
      const bad = bads.reduce((sum, one) => sum + one, 0);
      let value = 1;
      for (let start = 0; start < n; start++) {
        const seen = bads.slice(start);
        const badSince = seen.reduce((sum, one) => sum + one, 0);
        value += startWeight(start) * (Math.exp(evidence({ bad: badSince, good: seen.length - badSince })) - 1);
      }
      mean += 0.3 ** bad * 0.7 ** (n - bad) * value;
    }
    expect(mean).toBeCloseTo(1, 9);
  });
});

describe('a gate that also looks since later starts', () => {
  const failingAfter = (healthy: number, rate: number): number => {
    const [bad, later] = [healthy * 0.01, (n: number) => [{ ordinal: 17_280, seen: [n] }] as const];
    const verdict = (n: number) => {
      const counts = { bad: rate * n, good: (1 - rate) * n };
      const [since] = later(n);
      const whole = [{ bad: bad + counts.bad, good: healthy - bad + counts.good }];
      return gate(whole, [{ ordinal: since?.ordinal ?? 1, seen: [counts] }]).verdict;
    };
    let n = 1;
    while (verdict(n) !== 'critical') n += 1;
    return n;
  };

  it.each([
    [0, 1, 4, 4],
    [10_000, 1, 9, 12],
    [1_000_000, 1, 9, 12],
    [10_000, 0.5, 20, 32],
    [1_000_000, 0.5, 20, 32],
    [10_000, 0.12, 550, 800],
    [1_000_000, 0.12, 550, 800],
  ])(
    'after %i healthy decisions and at a rate of %f from then on asks for a rollback',
    (healthy, rate, least, most) => {
      const n = failingAfter(healthy, rate);
      expect(n).toBeGreaterThanOrEqual(least);
      expect(n).toBeLessThanOrEqual(most);
    },
  );

  it('says of which decisions it speaks', () => {
    const whole = [{ bad: 112, good: 9_900 }];
    const { verdict, rate, sample, overall, sentence } = gate(whole, [{ ordinal: 700, seen: [{ bad: 12, good: 0 }] }]);
    expect([verdict, rate, sample, overall?.sample]).toEqual(['critical', 1, 12, 10_012]);
    expect(sentence).toMatch(
      /^the error rate is 100 % over the last 12 decisions \(1\.1 % over all 10,012 decisions of the step\), beyond the critical 10 %; evidence .* : 1 that it exceeds 5 %/,
    );
  });

  it('finds a failure that follows a long while above the gate but not beyond the critical limit', () => {
    const before = { bad: 80_000, good: 920_000 };
    const after = (n: number) =>
      gate([{ bad: before.bad + n, good: before.good }], [{ ordinal: 17_280, seen: [{ bad: n, good: 0 }] }]);
    expect(after(0).verdict).toBe('fail');
    expect(after(14).verdict).toBe('critical');
  });

  it('does not take one principal in a loop for all of them, and few principals for what there is', () => {
    const others = Array.from({ length: 100 }, () => ({ bad: 0, good: 100 }));
    const now = [{ bad: 1000, good: 0 }, ...others.slice(0, 4).map(() => ({ bad: 0, good: 5 }))];
    const later = [{ ordinal: 700, seen: now }];
    expect(gate([{ bad: 100, good: 100 }, ...others], later).verdict).toBe('pass');
    expect(gate([{ bad: 1000, good: 100_000 }], [{ ordinal: 700, seen: [{ bad: 1000, good: 0 }] }]).verdict).toBe(
      'critical',
    );
    const three = [...Array.from({ length: 3 }, () => ({ bad: 10, good: 0 })), { bad: 0, good: 5 }];
    expect(gate(others, [{ ordinal: 700, seen: three }]).verdict).toBe('critical');
  });

  it('rarely speaks up falsely: a true 4 % against 5 %, every minute of a day', () => {
    const { uniform } = draws(11);
    const days = 3000;
    const evidence = rateEvidence(limits.gate, 'above');
    let fails = 0;
    let criticals = 0;
    for (let day = 0; day < days; day++) {
      const stream = new Stream();
      let [failed, critical] = [false, false];
      for (let minute = 1; minute <= 1440; minute++) {
        const bad = Number(uniform() < 0.04);
        stream.add(bad, 1);
        // It rises at a bad decision only.
        if (bad === 0) continue;
        const spans = [{ ordinal: 0, seen: stream.since(0) }, ...stream.later()];
        const sum = spans.reduce(
          (all, { ordinal, seen: [counts] }) => all + startWeight(ordinal) * Math.exp(counts ? evidence(counts) : 0),
          0,
        );
        if (sum < 20) continue;
        failed = true;
        critical ||= gate(stream.since(0), stream.later()).verdict === 'critical';
      }
      fails += Number(failed);
      criticals += Number(critical);
    }
    expect(fails / days).toBeLessThanOrEqual(0.01);
    expect(criticals / days).toBeLessThanOrEqual(0.0005);
  });

  it('rolls no more candidates back that are bad but not critical: a true 8 % against 5 and 10 %', () => {
    const { happened } = draws(12);
    const runs = 150;
    let whole = 0;
    let both = 0;
    for (let run = 0; run < runs; run++) {
      const stream = new Stream();
      let [byWhole, byBoth] = [false, false];
      for (let minute = 1; minute <= 360; minute++) {
        stream.add(happened(10, 0.08), 10);
        byWhole ||= gate(stream.since(0)).verdict === 'critical';
        byBoth ||= gate(stream.since(0), stream.later()).verdict === 'critical';
      }
      whole += Number(byWhole);
      both += Number(byBoth);
    }
    expect((both - whole) / runs).toBeLessThanOrEqual(0.01);
  });

  it('finds a true 12 % after a day of 1 % in a median of about 780 decisions', () => {
    const { happened } = draws(13);
    const found: number[] = [];
    for (let run = 0; run < 60; run++) {
      const stream = new Stream();
      for (let minute = 0; minute < 1440; minute++) stream.add(happened(10, 0.01), 10);
      let n = 0;
      do {
        stream.add(happened(10, 0.12), 10);
        n += 10;
      } while (gate(stream.since(0), stream.later()).verdict !== 'critical');
      found.push(n);
    }
    expect(median(found)).toBeGreaterThanOrEqual(650);
    expect(median(found)).toBeLessThanOrEqual(900);
  });
});
