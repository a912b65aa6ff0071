import { describe, expect, it } from 'vitest';
import { lintSource } from '../run.js';

describe('invalid-source', () => {
  it.each([
    ['yaml', '- id: rule-a\n  agent: [', 2],
    ['yaml', 'rules:\n  - id: a\n    id: b\n', 3],
    ['json', '[\n  {"id": "rule-a",}\n]', 2],
    ['json', '{"rulez": []}', 1],
  ] as const)('points into the %s: %s', (format, text, line) => {
    const { errors, passed } = lintSource(text, format);
    expect(passed).toBe(false);
    expect(errors[0]).toMatchObject({ code: 'invalid-source', rule_id: null, path: [], line });
  });
  it('leaves nothing else to say', () => {
    const { summary, warnings, info } = lintSource('', 'yaml');
    expect([summary.total_issues, warnings, info]).toEqual([1, [], []]);
  });
});
