import { inspect } from 'node:util';
import { operations, problem } from '@policy-studio/contract';
import { describe, expect, it } from 'vitest';
import { answering, failure, jsonAnswer } from './answering-server.testkit.js';
import { PolicyStudioClient } from './client.js';
import { memberNames } from './operation-input.js';
import { ProblemError } from './problem-error.js';

describe('a client', () => {
  it.each([
    'policy.example.com',
    'ftp://policy.example.com',
    '',
    'http://user:secret@policy.example.com',
    'http://policy.example.com/?a=1',
  ])('is not made for the address %j', (url) => {
    expect(() => new PolicyStudioClient({ url })).toThrow(ProblemError);
  });

  it.each(['', 'two words', 'line\nbreak', 'schlüssel'])(
    'is not made with the token %j, which it does not repeat',
    (token) => {
      let message = '';
      try {
        new PolicyStudioClient({ url: 'http://x.test', token });
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain('token');
      if (token !== '') expect(message).not.toContain(token);
    },
  );

  it('does not show its token', async () => {
    const server = await answering(jsonAnswer(403, problem('forbidden', 'no')));
    const client = new PolicyStudioClient({ url: server.url, token: 'very-secret' });
    const error = await failure(client.bundles.listBundles());
    await server.close();
    for (const text of [
      inspect(client, { depth: 9, showHidden: true }),
      JSON.stringify(client),
      inspect(error),
      JSON.stringify(error),
    ]) {
      expect(text).not.toContain('very-secret');
    }
  });

  it('has a method for every operation of the contract', () => {
    const client = new PolicyStudioClient({ url: 'http://x.test' }) as unknown as Record<
      string,
      Record<string, unknown>
    >;
    for (const [id, { tag }] of Object.entries(operations)) {
      expect(client[tag.charAt(0).toLowerCase() + tag.slice(1)]?.[id], id).toBeTypeOf('function');
    }
  });

  it('could not confuse the parts of any operation: no member has two places', () => {
    for (const [id, operation] of Object.entries(operations)) {
      const parts = operation as { path: string; query?: object; headers?: object; body?: { anyOf?: object[] } };
      const bodies = parts.body?.anyOf ?? [parts.body];
      const names = [
        ...[...parts.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        ...memberNames(parts.query),
        ...memberNames(parts.headers),
        ...new Set(bodies.flatMap(memberNames)),
      ];
      expect(new Set(names).size, id).toBe(names.length);
    }
  });
});
