import { expect, it } from 'vitest';
import { changeWords } from './change-words.js';

it.each([
  ['bundle.activated', 'bundle/3', { version: '2.2.0' }, 'activated 2.2.0'],
  [
    'approval.requested',
    'approval/7',
    { kind: 'action', agent: 'a.b', action: 'delete' },
    'asked for approval of a.b delete',
  ],
  ['approval.approved', 'approval/3', { kind: 'activation' }, 'approved request 3'],
  ['incident.resolved', 'incident/1', {}, 'resolved incident 1'],
  ['settings.changed', 'settings', {}, 'changed the settings'],
  ['list.deleted', 'list/vip_senders', {}, 'list deleted vip_senders'],
])('%s of %s reads well', (kind, subject, data, words) => {
  expect(changeWords({ kind, subject, data })).toBe(words);
});
