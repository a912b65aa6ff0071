import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Office, openOffice, rule } from './bundles.testkit.js';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

const events = async (subject: string) => {
  const { rows } = await office.db.pool.query<{ kind: string; actor: string }>(
    'select kind, actor from event where subject = $1 order by seq',
    [subject],
  );
  return rows;
};

describe('creating a bundle', () => {
  test('answers the whole draft, with its ETag, the caller as its maker and the given name beside', async () => {
    const { status, body, headers } = await office.call('createBundle', {
      token: office.author,
      body: {
        version: '1.0.0',
        rules: [rule('one')],
        notes: 'first',
        metadata: { team: 'mail' },
        created_by: 'legacy-client',
      },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      version: '1.0.0',
      rules: [rule('one')],
      notes: 'first',
      metadata: { team: 'mail' },
      created_by: 'Ada',
      status: 'draft',
      active: false,
      canary_pct: 0,
      traffic_pct: 0,
      source: 'api',
      lint: { errors: [], warnings: [], passed: true, current: true, summary: { total_rules: 1, errors: 0 } },
    });
    expect(body.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/);
    const read = await office.call('getBundle', { params: { id: body.id } });
    expect(read.body).toEqual(body);
    expect(read.headers.get('etag')).toBe(headers.get('etag'));
    expect((await office.call('getBundleByVersion', { params: { version: '1.0.0' } })).body).toEqual(body);
    const { rows } = await office.db.pool.query('select created_by_claimed from bundle where id = $1', [body.id]);
    expect(rows).toEqual([{ created_by_claimed: 'legacy-client' }]);
    expect(await events(`bundle/${body.id}`)).toEqual([{ kind: 'bundle.created', actor: 'Ada' }]);
  });

  test('takes an empty draft', async () => {
    expect((await office.draft('1.0.1', [])).rules).toEqual([]);
  });

  test('refuses structure, duplicate ids and limits with code and place, and stores nothing', async () => {
    const wrong: [unknown[], string, string][] = [
      [[rule('one', { condition: {} })], 'invalid-rule', '/rules/0/condition'],
      [[rule('one'), { id: 'two' }], 'invalid-rule', '/rules/1'],
      [[rule('one'), rule('one')], 'duplicate-id', '/rules/1/id'],
      [[rule('one', { priority: 1001 })], 'invalid-rule', '/rules/0/priority'],
      [[rule('one', { reason: 'a\u0000b' })], 'invalid-rule', '/rules/0'],
      [[rule('one', { metadata: { 'a\u0000': 1 } })], 'invalid-rule', '/rules/0'],
      [[rule('one', { conditions: nested(9) })], 'limit-exceeded', '/rules/0/conditions/'],
      [[rule('one', { conditions: [] })], 'invalid-rule', '/rules/0/conditions'],
    ];
    for (const [rules, code, path] of wrong) {
      const { status, problem } = await office.call('createBundle', { body: { version: '9.0.0', rules } });
      expect([status, problem.code]).toEqual([422, 'bundle_rejected']);
      expect(problem.errors[0]).toMatchObject({ code });
      expect(problem.errors[0]?.path.startsWith(path), problem.errors[0]?.path).toBe(true);
    }
    expect((await office.call('getBundleByVersion', { params: { version: '9.0.0' } })).status).toBe(404);
  });

  test('refuses a key that is written twice, and names the place', async () => {
    const { status, problem } = await office.call('createBundle', {
      body: '{"version":"9.0.0","rules":[{"id":"one","id":"two"}]}',
    });
    expect(status).toBe(422);
    expect(problem.errors[0]?.path).toBe('/rules/0/id');
  });

  test('finds a fault of structure behind more broken conditions than are told at once', async () => {
    const broken = Array.from({ length: 1100 }, (_, i) => rule(`rule-${i}`, { conditions: { '=>x': 1 } }));
    const { status, problem } = await office.call('createBundle', {
      body: { version: '9.0.0', rules: [...broken, rule('rule-0')] },
    });
    expect([status, problem.code]).toEqual([422, 'bundle_rejected']);
    expect(problem.errors).toMatchObject([{ code: 'duplicate-id', path: '/rules/1100/id' }]);
  });

  test('stores conditions that do not parse, unknown lists and missing reasons as findings', async () => {
    const bundle = await office.draft('1.1.0', [
      rule('bad-condition', { conditions: { '=>risk': 1 } }),
      rule('no-such-list', { conditions: { sender: { list: 'nowhere' } } }),
      rule('no-reason', { reason: undefined }),
      rule('short-reason', { reason: 'too short' }),
    ]);
    expect(bundle.lint.errors.map(({ code, rule_id }) => [code, rule_id])).toEqual([
      ['invalid-condition', 'bad-condition'],
      ['invalid-condition', 'no-such-list'],
      ['missing-reason', 'no-reason'],
    ]);
    expect(bundle.lint.warnings).toContainEqual(
      expect.objectContaining({ code: 'missing-reason', rule_id: 'short-reason', line: 3, column: 0 }),
    );
    expect(bundle.lint.passed).toBe(false);
    expect(bundle.rules).toHaveLength(4);
    expect(bundle.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  test('shows findings with the lists as they are when it is read', async () => {
    const { id, lint } = await office.draft('1.1.1', [rule('reads', { conditions: { sender: { list: 'later' } } })]);
    expect(lint.errors).toHaveLength(1);
    await office.call('putList', { params: { name: 'later' }, body: { values: ['a'] } });
    expect((await office.call('getBundle', { params: { id } })).body.lint.errors).toEqual([]);
    await office.call('deleteList', { params: { name: 'later' } });
    expect((await office.call('getBundle', { params: { id } })).body.lint.errors).toHaveLength(1);
  });

  test('names the bundle that has the version, and whether its digest is the same', async () => {
    const { id } = await office.draft('1.2.0', [rule('one')]);
    const same = await office.call('createBundle', {
      body: { version: '1.2.0', rules: [rule('one', { priority: 50 })] },
    });
    expect(same.problem).toMatchObject({ status: 409, code: 'version_taken', bundle_id: id, same_digest: true });
    const other = await office.call('createBundle', { body: { version: '1.2.0', rules: [rule('two')] } });
    expect(other.problem).toMatchObject({ status: 409, code: 'version_taken', bundle_id: id, same_digest: false });
  });

  test('lets one of many concurrent creations of a version win', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        office.call('createBundle', { body: { version: '1.3.0', rules: [rule(`rule-${i}`)] } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });
});

test('many changes at once in one workspace all succeed and are numbered without a gap', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      office.call('createBundle', { body: { version: `8.${i}.0`, rules: [rule('one')] } }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
  for (const { body } of answers) await office.call('deleteBundle', { params: { id: body.id } });
  const { rows } = await office.db.pool.query('select count(*) as count, max(seq) as last from event');
  expect(rows[0].count).toBe(rows[0].last);
});

describe('changing a draft', () => {
  test('leaves what is left out, and gives a new ETag', async () => {
    const before = await office.draft('2.0.0', [rule('one')], { notes: 'n', metadata: { a: 1 } });
    const first = await office.call('getBundle', { params: { id: before.id } });
    const { status, body, headers } = await office.call('updateBundle', {
      token: office.author,
      params: { id: before.id },
      body: { rules: [rule('two')] },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ rules: [rule('two')], notes: 'n', metadata: { a: 1 }, version: '2.0.0' });
    expect(body.digest).not.toBe(before.digest);
    expect(headers.get('etag')).not.toBe(first.headers.get('etag'));
    const again = await office.call('updateBundle', { params: { id: before.id }, body: { notes: 'm' } });
    expect(again.body).toMatchObject({ rules: [rule('two')], notes: 'm', digest: body.digest });
  });

  test('that changes nothing leaves ETag and record as they are', async () => {
    const { id } = await office.draft('2.0.1', [rule('one')], { notes: 'n' });
    const before = await office.call('getBundle', { params: { id } });
    for (const body of [{}, { notes: 'n' }, { rules: [rule('one')], notes: 'n' }]) {
      const answer = await office.call('updateBundle', { params: { id }, body });
      expect([answer.status, answer.headers.get('etag')]).toEqual([200, before.headers.get('etag')]);
    }
    expect(await events(`bundle/${id}`)).toHaveLength(1);
  });

  test('takes If-Match: the current tag or `*` pass, a stale one is 412, an unreadable one 422', async () => {
    const { id } = await office.draft('2.1.0');
    const etag = (await office.call('getBundle', { params: { id } })).headers.get('etag') as string;
    const put = (match: string, notes: string) =>
      office.call('updateBundle', { params: { id }, body: { notes }, headers: { 'if-match': match } });
    expect((await put(etag, 'a')).status).toBe(200);
    expect((await put(etag, 'b')).problem.code).toBe('stale');
    expect((await put('*', 'c')).status).toBe(200);
    expect((await put(`W/${etag}`, 'd')).status).toBe(412);
    for (const bad of ['nonsense', '"open', 'W/', '"a" "b"', ',']) {
      expect([bad, (await put(bad, 'e')).problem.code]).toEqual([bad, 'validation_failed']);
    }
    const now = (await office.call('getBundle', { params: { id } })).headers.get('etag');
    expect((await put(`"other", ${now}`, 'f')).status).toBe(200);
    expect((await office.call('getBundle', { params: { id } })).body.notes).toBe('f');
  });

  test('loses no update when many start from the same ETag', async () => {
    const { id } = await office.draft('2.1.1');
    const etag = (await office.call('getBundle', { params: { id } })).headers.get('etag') as string;
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        office.call('updateBundle', { params: { id }, body: { notes: `${i}` }, headers: { 'if-match': etag } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
  });

  test('refuses rules of unsound structure and keeps the old ones', async () => {
    const { id } = await office.draft('2.2.0', [rule('one')]);
    const answer = await office.call('updateBundle', { params: { id }, body: { rules: [{ id: 'one' }] } });
    expect(answer.problem.code).toBe('bundle_rejected');
    expect((await office.call('getBundle', { params: { id } })).body.rules).toEqual([rule('one')]);
  });

  test('refuses metadata above 64 KiB', async () => {
    const { id } = await office.draft('2.2.1');
    const { problem } = await office.call('updateBundle', {
      params: { id },
      body: { metadata: { a: 'x'.repeat(65_536) } },
    });
    expect(problem.errors).toMatchObject([{ path: '/metadata' }]);
  });
});

describe('deleting and archiving', () => {
  test('a deleted draft is gone, its version is free and what was asked for it is withdrawn', async () => {
    const { id } = await office.draft('3.0.0');
    const { id: approvalId } = await office.request(id);
    expect((await office.call('deleteBundle', { token: office.author, params: { id } })).status).toBe(204);
    expect((await office.call('getBundle', { params: { id } })).status).toBe(404);
    expect((await office.call('deleteBundle', { params: { id } })).status).toBe(404);
    expect((await office.call('getApproval', { params: { id: approvalId } })).body.status).toBe('canceled');
    await office.draft('3.0.0');
  });

  test('a draft that changed since it was read is not deleted', async () => {
    const { id } = await office.draft('3.0.1');
    const { status } = await office.call('deleteBundle', { params: { id }, headers: { 'if-match': '"1-99"' } });
    expect(status).toBe(412);
  });

  test('an archived bundle stays, cannot change, and archiving it again changes nothing', async () => {
    const { id } = await office.draft('3.1.0');
    const first = await office.call('archiveBundle', { params: { id } });
    expect(first.body.status).toBe('archived');
    const second = await office.call('archiveBundle', { params: { id } });
    expect([second.status, second.headers.get('etag')]).toEqual([200, first.headers.get('etag')]);
    expect((await office.call('updateBundle', { params: { id }, body: { notes: 'x' } })).problem.code).toBe(
      'not_a_draft',
    );
    expect((await office.call('deleteBundle', { params: { id } })).problem.code).toBe('not_a_draft');
    const asked = await office.call('createApproval', {
      body: { kind: 'activation', bundle_id: id, justification: 'why' },
    });
    expect(asked.problem.code).toBe('bundle_archived');
  });
});

describe('listing bundles', () => {
  test('is newest first, pages without gaps, and counts all', async () => {
    const all = await office.call('listBundles', { query: { limit: 100 } });
    const versions = all.body.bundles.map(({ version }) => version);
    expect(all.body.total).toBe(versions.length);
    expect(versions[0]).toBe('3.1.0');
    const paged: string[] = [];
    for (let offset = 0; offset < all.body.total; offset += 5) {
      const { body } = await office.call('listBundles', { query: { limit: 5, offset } });
      expect([body.total, body.limit, body.offset]).toEqual([all.body.total, 5, offset]);
      paged.push(...body.bundles.map(({ version }) => version));
    }
    expect(paged).toEqual(versions);
    expect((await office.call('listBundles', { query: { offset: 1000 } })).body.bundles).toEqual([]);
  });

  test('bounds limit and offset', async () => {
    for (const query of [{ limit: 0 }, { limit: 101 }, { offset: -1 }, { limit: 1.5 }]) {
      expect((await office.call('listBundles', { query })).status).toBe(422);
    }
  });
});

function nested(levels: number): object {
  return levels === 0 ? { a: 1 } : { not: nested(levels - 1) };
}

describe('findings that are stored', () => {
  const etag = async (id: number) => (await office.call('getBundle', { params: { id } })).headers.get('etag');

  test('follow the settings and the catalog, and the bundle stays the revision it was', async () => {
    const { id, lint } = await office.draft('9.0.0', [rule('one', { agent: 'nobody.knows' })]);
    expect(lint.warnings.map(({ code }) => code)).toContain('unknown-agent');
    const before = await etag(id);
    await office.call('putCatalogAgent', { params: { agent: 'nobody.knows' }, body: {} });
    const known = (await office.call('getBundle', { params: { id } })).body.lint;
    expect(known.warnings.map(({ code }) => code)).not.toContain('unknown-agent');
    await office.call('deleteCatalogAgent', { params: { agent: 'nobody.knows' } });
    expect((await office.call('getBundle', { params: { id } })).body.lint).toEqual(lint);
    expect(await etag(id)).toBe(before);
    const { rows } = await office.db.pool.query(
      'select bytes, octet_length(lint::text) as lint from bundle where id = $1',
      [id],
    );
    expect(rows[0].bytes).toBeGreaterThan(rows[0].lint);
  });

  test('are made anew on a page as far as that is quick, and else say that they are old', async () => {
    const large = Array.from({ length: 1500 }, (_, index) => rule(`rule-${index}`, { action: `act-${index}` }));
    const ids = [];
    for (const version of ['9.1.0', '9.2.0']) ids.push((await office.draft(version, large)).id);
    const fresh = (await office.call('listBundles', { query: { limit: 2 } })).body.bundles;
    expect(fresh.map(({ lint }) => lint.current)).toEqual([true, true]);
    await office.call('putCatalogAgent', { params: { agent: 'one.more' }, body: {} });
    const stale = (await office.call('listBundles', { query: { limit: 2 } })).body.bundles;
    expect(stale.map(({ lint }) => lint.current)).toEqual([true, false]);
    for (const id of ids) expect((await office.call('getBundle', { params: { id } })).body.lint.current).toBe(true);
    const again = (await office.call('listBundles', { query: { limit: 2 } })).body.bundles;
    expect(again.map(({ lint }) => lint.current)).toEqual([true, true]);
  });
});

describe('a strict catalog', () => {
  test('refuses names it lacks, with the nearest it has, and takes rules that are switched off', async () => {
    const strict = await openOffice({ catalog: 'strict' });
    try {
      const body = { agents: ['planner.deploy'] };
      await strict.call('putCatalogAction', { params: { action: 'plan' }, body });
      const wrong = [
        rule('one', { agent: 'inbox.traige' }),
        rule('two', { action: 'quarantin' }),
        rule('three', { action: 'plan' }),
        rule('four', { agent: 'nobody.knows', enabled: false }),
        rule('five', { agent: 'inbox.*', action: '*' }),
      ];
      const { status, problem } = await strict.call('createBundle', { body: { version: '1.0.0', rules: wrong } });
      expect([status, problem.code]).toEqual([422, 'bundle_rejected']);
      expect(problem.errors).toMatchObject([
        {
          code: 'unknown-agent',
          path: '/rules/0/agent',
          message: expect.stringContaining('did you mean `inbox.triage`'),
        },
        { code: 'unknown-action', path: '/rules/1/action', message: expect.stringContaining('`quarantine`') },
        { code: 'unknown-action', path: '/rules/2/action', message: expect.stringContaining('for other agents only') },
      ]);
      const { id } = await strict.draft('1.0.0', [rule('one')]);
      const update = await strict.call('updateBundle', { params: { id }, body: { rules: wrong } });
      expect(update.problem.code).toBe('bundle_rejected');
      await strict.call('putCatalogAgent', { params: { agent: 'inbox.traige' }, body: {} });
      expect((await strict.draft('1.1.0', [rule('one', { agent: 'inbox.traige' })])).lint.passed).toBe(true);
    } finally {
      await strict.close();
    }
  });
});
