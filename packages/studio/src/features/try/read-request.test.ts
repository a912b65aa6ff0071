import { expect, it } from 'vitest';
import { readRequest } from './read-request.js';

it('reads a request, with an empty context where none is given', () => {
  expect(readRequest('{"agent": "a", "action": "b"}')).toEqual({ agent: 'a', action: 'b', context: {} });
});

it.each([
  ['{', /no JSON yet/],
  ['[]', /is an object/],
  ['{"action": "b"}', /which agent/],
  ['{"agent": "a", "action": ""}', /what it wants/],
  ['{"agent": "a", "action": "b", "context": []}', /context is an object/],
])('says what is wrong with %s', (text, fault) => {
  expect(readRequest(text)).toEqual({ fault: expect.stringMatching(fault) });
});
