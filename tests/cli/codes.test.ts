import { lintCodes } from '@policy-studio/engine';
import { expect, it } from 'vitest';
import { titledCodes } from '../../packages/cli/src/report/code-titles.js';

it('every code of lint has a title in the reports', () => {
  expect(lintCodes.filter((code) => !titledCodes.includes(code))).toEqual([]);
});
