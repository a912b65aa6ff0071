import { incidentStatuses, risks } from '@policy-studio/contract';
import { describe, expect, test } from 'vitest';
import { allowedActions, type IncidentCommand, type IncidentState, incidentTransition } from './transition.js';

const state = (status: IncidentState['status'], rest: Partial<IncidentState> = {}): IncidentState => ({
  status,
  severity: 'medium',
  assignedTo: null,
  ...rest,
});
const by = 'Otto';

/** Every command in every status: the status afterwards, `-` where it is refused. */
const table: Readonly<Record<string, readonly string[]>> = {
  //            open            acknowledged    mitigated   resolved    closed
  acknowledge: ['acknowledged', '-', '-', '-', '-'],
  mitigate: ['mitigated', 'mitigated', '-', '-', '-'],
  resolve: ['resolved', 'resolved', 'resolved', '-', '-'],
  close: ['-', '-', '-', 'closed', '-'],
  comment: ['open', 'acknowledged', 'mitigated', 'resolved', 'closed'],
  assign: ['open', 'acknowledged', 'mitigated', 'resolved', '-'],
  repeat: ['open', 'acknowledged', 'open', 'open', '-'],
};
const commands: Readonly<Record<string, IncidentCommand>> = {
  acknowledge: { type: 'acknowledge', by },
  mitigate: { type: 'mitigate', by },
  resolve: { type: 'resolve', by },
  close: { type: 'close', by },
  comment: { type: 'comment', by },
  assign: { type: 'assign', to: 'Ann' },
  repeat: { type: 'repeat', severity: 'medium' },
};

describe.each(Object.entries(table))('%s', (name, outcomes) => {
  test.each(incidentStatuses.map((status, index) => [status, outcomes[index]!] as const))('%s -> %s', (status, to) => {
    const change = incidentTransition(state(status), commands[name]!);
    if (to !== '-') return expect(change).toMatchObject({ status: to, severity: 'medium' });
    expect(change).toEqual({
      refused: 'incident_status',
      detail: expect.stringContaining(`it is \`${status}\`; what can be `),
    });
  });
});

test('the actions that a status allows are those that the table does not refuse', () => {
  for (const [index, status] of incidentStatuses.entries()) {
    const open = Object.keys(table).filter((name) => name !== 'repeat' && table[name]?.[index] !== '-');
    expect(allowedActions(status)).toEqual(open);
  }
});

test('whoever acknowledges takes on what nobody has, and nothing that somebody has', () => {
  expect(incidentTransition(state('open'), { type: 'acknowledge', by })).toMatchObject({ assignedTo: 'Otto' });
  const ann = state('open', { assignedTo: 'Ann' });
  expect(incidentTransition(ann, { type: 'acknowledge', by })).toMatchObject({ assignedTo: 'Ann' });
  expect(incidentTransition(ann, { type: 'assign', to: null })).toMatchObject({ assignedTo: null });
});

test('a repetition raises the severity and never lowers it', () => {
  for (const [i, before] of risks.entries()) {
    for (const [j, severity] of risks.entries()) {
      const open = incidentTransition(state('open', { severity: before }), { type: 'repeat', severity });
      expect(open).toMatchObject({ severity: risks[Math.max(i, j)], entry: j > i ? 'escalated' : 'repeated' });
      const over = incidentTransition(state('resolved', { severity: before }), { type: 'repeat', severity });
      expect(over).toMatchObject({ severity: risks[Math.max(i, j)], entry: 'reopened', status: 'open' });
    }
  }
});
