import { describe, expect, it } from 'vitest';
import { everyNumber, nextUp, numberCells } from './number-cells.js';

const integers = { ...everyNumber, integer: true };

describe('the next double', () => {
  it.each([
    [0, Number.MIN_VALUE],
    [-Number.MIN_VALUE, 0],
    [1, 1 + Number.EPSILON],
    [-1, -1 + Number.EPSILON / 2],
    [2 ** 53, 2 ** 53 + 2],
    [Number.MAX_VALUE, Number.POSITIVE_INFINITY],
  ])('after %d is %d', (x, next) => {
    expect(nextUp(x)).toBe(next);
  });
});

describe('the representatives of the numbers', () => {
  it('hold one of each gap that is not empty, and none of one that is', () => {
    for (const low of [0, 5e-324, 1, 0.1, 1e21, 2 ** 53, -1, -3e-320, 1.7e308]) {
      let high = low;
      for (let steps = 1; steps <= 5; steps++) {
        high = nextUp(high);
        const between = numberCells([low, high], everyNumber).filter((x) => x > low && x < high);
        expect(between.length, `${low} to ${high}`).toBe(steps === 1 ? 0 : 1);
      }
    }
  });

  it('are integers where only these occur, above 2^53 too', () => {
    expect(numberCells([0.5, 2], { minimum: 0, maximum: 3, integer: true })).toEqual([0, 1, 2, 3]);
    expect(numberCells([1, 2], { minimum: 1, maximum: 2, integer: true })).toEqual([1, 2]);
    const large = 2 ** 53;
    const between = (low: number, high: number) =>
      numberCells([low, high], integers).filter((x) => x > low && x < high);
    expect(between(large, large + 2)).toEqual([]);
    expect(between(large, large + 4)).toEqual([large + 2]);
    expect(between(-large - 4, -large)).toEqual([-large - 2]);
  });

  it('end with the largest doubles', () => {
    const cells = numberCells([Number.MAX_VALUE], everyNumber);
    expect(Math.max(...cells)).toBe(Number.MAX_VALUE);
    expect(Math.min(...cells)).toBe(-Number.MAX_VALUE);
  });

  it('keep to the bounds', () => {
    expect(numberCells([-5, 0.25, 7], { minimum: 0, maximum: 1, integer: false })).toEqual([0, 0.125, 0.25, 0.625, 1]);
  });
});
