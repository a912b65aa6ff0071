import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';
import { playbooks } from './playbooks.js';

const start = Date.parse('2026-01-05T12:00:00Z');
let passedMs = 0;
const clock = { now: () => new Date(start + passedMs) };
const pass = (minutes: number) => {
  passedMs += minutes * 60_000;
};
let server: TestServer;
let operator: string;
beforeAll(async () => {
  server = await startTestServer({ clock });
  operator = await server.createKey('operator', { owner: 'Otto' });
});
afterAll(() => server?.close());

const list = (name: string) => server.call('putList', { params: { name }, body: { values: ['a'], live: true } });
const open = async (body: object) =>
  (await server.call('createIncident', { token: operator, body: { severity: 'high', summary: 'x', ...body } })).body.id;
const draft = async (id: number) => (await server.call('getPostMortem', { params: { id } })).body;

test('the draft of a post-mortem tells what is recorded, in the order of events, and asks for the rest', async () => {
  await list('long_before');
  pass(90);
  await list('just_before');
  pass(5);
  const id = await open({
    kind: 'mail',
    key: 'mail/1',
    summary: 'mail is lost',
    details: {
      metric: { name: 'error_rate', before: 0.01, after: 0.2 },
      decision_ids: ['a', 'b'],
      recommended_actions: ['look at the list | of senders'],
    },
    playbooks: [{ title: 'Lost mail', steps: [], url: null }],
  });
  pass(2);
  await server.call('acknowledgeIncident', { token: operator, params: { id }, body: { comment: 'on it' } });
  pass(10);
  await list('meanwhile');
  await open({ kind: 'mail', key: 'mail/1', severity: 'critical', summary: 'more of it' });
  pass(120);
  await server.call('resolveIncident', { token: operator, params: { id } });
  pass(1);
  await list('after');
  const { markdown, filename, incident_id: of } = await draft(id);
  expect([of, filename]).toEqual([id, `post-mortem-incident-${id}.md`]);
  expect(markdown).toBe(`# Post-mortem: mail is lost

Draft of 2026-01-05 15:48:00, made from the record of incident ${id} in the workspace default.

| | |
| --- | --- |
| Severity | critical |
| Status | resolved |
| Kind | mail (mail/1) |
| Opened | 2026-01-05 13:35:00 by Otto |
| Acknowledged | 2026-01-05 13:37:00, after 2 min |
| Mitigated | not recorded |
| Resolved | 2026-01-05 15:47:00, after 2 h 12 min |
| Seen | 2 times |
| Looked after by | Otto |

## What happened

_In a few sentences, for somebody who was not there._

## Impact

_Who was affected, how, for how long; which requests were denied or let through wrongly._

Recorded:

- metric.name: error\\_rate
- metric.before: 0.01
- metric.after: 0.2
- decision\\_ids: \\["a","b"\\]

## Timeline

Times are UTC; **bold** is the incident itself, the rest is what else changed in the workspace.

- 2026-01-05 13:30:00: list.created list/just\\_before, by admin
- 2026-01-05 13:35:00: **opened** by Otto: mail is lost
- 2026-01-05 13:37:00: **acknowledged** and assigned to Otto by Otto: on it
- 2026-01-05 13:47:00: list.created list/meanwhile, by admin
- 2026-01-05 13:47:00: **escalated** from high to critical by Otto: more of it
- 2026-01-05 15:47:00: **resolved** by Otto

## Root cause

_Why it could happen, and why nothing stopped it before._

## What went well, what did not

_Detection, response, tools, luck._

Playbooks that were offered; _did they help?_

- Lost mail

## Actions

| what | who | until |
| --- | --- | --- |
| look at the list \\| of senders | | |
`);
});

test('what somebody wrote is text in it: no heading, no markup, no link, no HTML', async () => {
  const summary = '<img src=x onerror=alert(1)> [click](javascript:alert(1)) \u202e**bold** `code` | cell';
  const id = await open({ summary, key: '|\\|', details: { '<b>': '\n# Root\n\n- list' } });
  const body = { comment: 'first\n\n## Actions\n<script>' };
  await server.call('commentIncident', { token: operator, params: { id }, body });
  const { markdown } = await draft(id);
  expect(markdown).toContain(
    '# Post-mortem: \\<img src=x onerror=alert\\(1\\)\\> \\[click\\]\\(javascript:alert\\(1\\)\\) \\*\\*bold\\*\\* \\`code\\` \\| cell\n',
  );
  expect(markdown).toContain('(\\|\\\\\\|) |\n');
  expect(markdown).toContain('- \\<b\\>:  \\# Root - list\n');
  expect(markdown).toContain('by Otto: first \\#\\# Actions \\<script\\>\n');
  expect(markdown).not.toMatch(/(^|[^\\])[<>`]/);
  expect(markdown.match(/^## Actions$/gm)).toHaveLength(1);
});

test('there is a draft at any time, and none of an incident that is not there', async () => {
  const { markdown } = await draft(await open({ key: 'fresh' }));
  expect(markdown).toContain('| Resolved | not recorded |');
  expect(markdown).toContain('| _so that it does not happen again_ | | |');
  expect((await server.call('getPostMortem', { params: { id: 2_000_000_000 } })).problem.code).toBe('not_found');
});

test('every playbook is short and says what to do, as the interface takes it from others', async () => {
  for (const offered of Object.values(playbooks)) {
    const answer = await server.call('createIncident', {
      token: operator,
      body: { severity: 'low', summary: 'x', playbooks: offered },
    });
    expect(answer.body.playbooks).toEqual(offered);
    for (const { steps } of offered) expect(steps.length).toBeGreaterThan(2);
  }
});
