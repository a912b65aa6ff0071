import { describe, expect, it } from 'vitest';
import { mayActAs } from './queries.js';

describe('the agents a key may speak for', () => {
  it.each([
    ['*', 'inbox', true],
    ['*', 'inbox.triage', true],
    ['inbox.triage', 'inbox.triage', true],
    ['inbox.triage', 'inbox.triage.eu', false],
    ['inbox.triage', 'Inbox.triage', false],
    ['inbox.*', 'inbox.triage', true],
    ['inbox.*', 'inbox.triage.eu', true],
    ['inbox.*', 'inbox', false],
    ['inbox.*', 'inboxes.triage', false],
    ['inbox.*', 'other.inbox.triage', false],
  ])('by `%s`, as `%s`: %s', (pattern, agent, may) => {
    expect(mayActAs({ agents: [pattern] }, agent)).toBe(may);
  });

  it('are those of any of its patterns, and none without', () => {
    expect(mayActAs({ agents: ['a', 'b.*'] }, 'b.c')).toBe(true);
    expect(mayActAs({ agents: [] }, 'b.c')).toBe(false);
  });
});
