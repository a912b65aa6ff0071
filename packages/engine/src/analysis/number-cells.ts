/**
 * Representatives of the numbers: every threshold and one value of each gap between neighbours. Numbers are doubles, not
 * reals: between a number and the next double there is nothing, and above the largest one neither.
 */
const bits = new DataView(new ArrayBuffer(8));

/** The least double above `x`; Infinity after the largest. */
export function nextUp(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  bits.setFloat64(0, x);
  const pattern = bits.getBigInt64(0);
  bits.setBigInt64(0, x > 0 ? pattern + 1n : pattern - 1n);
  return bits.getFloat64(0) + 0;
}

/** The numbers a field may hold. */
export interface NumberRange {
  readonly minimum: number;
  readonly maximum: number;
  readonly integer: boolean;
}

export const everyNumber: NumberRange = { minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE, integer: false };

/** Each threshold within the range and one number from each gap, ascending: every number behaves like one of them. */
export function numberCells(thresholds: readonly number[], range: NumberRange): number[] {
  const { minimum, maximum, integer } = range;
  const fits = (x: number) => x >= minimum && x <= maximum && (!integer || Number.isInteger(x));
  const sorted = [...new Set([...thresholds, minimum, maximum].map((x) => x + 0))]
    .filter((x) => x >= minimum && x <= maximum)
    .sort((a, b) => a - b);
  const cells: number[] = [];
  sorted.forEach((x, i) => {
    if (fits(x)) cells.push(x);
    const next = sorted[i + 1];
    const between = next === undefined ? null : numberBetween(x, next, integer);
    if (between !== null) cells.push(between);
  });
  return cells;
}

/** A number strictly between two, plain if possible; null when there is none. */
function numberBetween(low: number, high: number, integer: boolean): number | null {
  const within = (x: number) => x > low && x < high;
  // Thresholds are what people write, so the gap below the first and above the last gets a number near to them.
  const whole = low === -Number.MAX_VALUE ? Math.ceil(high) - 1 : Math.floor(low) + 1;
  if (within(whole)) return whole + 0;
  const next = nextUp(low);
  if (integer) return within(next) && Number.isInteger(next) ? next : null;
  const middle = low / 2 + high / 2;
  if (within(middle)) return middle;
  return within(next) ? next : null;
}
