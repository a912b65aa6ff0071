import { bundleStatuses } from '@policy-studio/contract';
import { expect, test } from 'vitest';
import { etagOf, ifMatch } from './etag.js';
import { type BundleCommand, bundleTransition } from './transition.js';

const short = (command: BundleCommand): string[] =>
  bundleStatuses.map((status) => {
    const outcome = bundleTransition(status, command);
    if ('to' in outcome) return `${status} -> ${outcome.to}`;
    if ('refused' in outcome) return `${status} ! ${outcome.refused}`;
    return 'deleted' in outcome ? `${status} -> gone` : `${status} =`;
  });

test('only a draft is edited', () => {
  expect(short('edit')).toEqual([
    'draft -> draft',
    'shadow ! not_a_draft',
    'canary ! not_a_draft',
    'active ! not_a_draft',
    'superseded ! not_a_draft',
    'rolled_back ! not_a_draft',
    'archived ! not_a_draft',
  ]);
});

test('only a draft is deleted', () => {
  expect(short('delete')).toEqual([
    'draft -> gone',
    'shadow ! not_a_draft',
    'canary ! not_a_draft',
    'active ! not_a_draft',
    'superseded ! not_a_draft',
    'rolled_back ! not_a_draft',
    'archived ! not_a_draft',
  ]);
});

test('what decides nothing is archived, once', () => {
  expect(short('archive')).toEqual([
    'draft -> archived',
    'shadow ! bundle_in_force',
    'canary ! bundle_in_force',
    'active ! bundle_in_force',
    'superseded -> archived',
    'rolled_back -> archived',
    'archived =',
  ]);
});

test('a draft is activated, or one that was in force before', () => {
  expect(short('activate')).toEqual([
    'draft -> active',
    'shadow ! bundle_in_force',
    'canary ! bundle_in_force',
    'active ! bundle_in_force',
    'superseded -> active',
    'rolled_back -> active',
    'archived ! bundle_archived',
  ]);
});

test('If-Match is read as RFC 9110 has it', () => {
  const etag = etagOf({ id: 7, revision: 3 });
  expect(etag).toBe('"7-3"');
  for (const header of ['*', ' * ', '"7-3"', '"a","7-3"', 'W/"7-3", "7-3"']) expect(ifMatch(header, etag)).toBe(true);
  for (const header of ['"7-2"', 'W/"7-3"', '""', '"a", "b"']) expect(ifMatch(header, etag)).toBe(false);
  for (const header of ['', ',', '7-3', '"7-3', '7-3"', 'w/"7-3"', '"a" "b"', '*, "7-3"']) {
    expect(ifMatch(header, etag), header).toBeNull();
  }
});
