import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../server.testkit.js';

const defaults = {
  default_effect: 'deny',
  time_zone: 'UTC',
  catalog: 'strict',
  enforce_context: true,
  require_evidence: false,
  lint_severities: {},
  steps: [10, 50, 100],
  dwell_hours: 24,
  gates: { max_error_rate: 0.05, max_deny_rate: 0.3, max_cost_increase: 0.2, min_sample_size: 100 },
  critical: {
    max_error_rate: 0.1,
    max_deny_rate: 0.5,
    max_cost_increase: 0.5,
    max_no_match_increase: 0.2,
    max_spend_24h: null,
  },
  cost_budget_24h: null,
  caps: [],
  retention_days: 90,
  max_stale_minutes: 15,
  updated_at: null,
  updated_by: null,
};

describe('settings where one person tries the product', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ catalog: 'strict', config: { fourEyesDefault: false } });
  });
  afterAll(() => server?.close());
  const generation = async () => (await server.call('getSystem')).body.generation;

  it('begin at their defaults', async () => {
    expect((await server.call('getSettings')).body).toEqual({ ...defaults, four_eyes: false });
  });

  it('are merged: what is left out stays', async () => {
    await server.call('putSettings', { body: { retention_days: 30 } });
    const { body } = await server.call('putSettings', { body: { time_zone: 'Europe/Vienna', cost_budget_24h: 12.5 } });
    expect(body).toMatchObject({
      retention_days: 30,
      time_zone: 'Europe/Vienna',
      cost_budget_24h: 12.5,
      updated_by: 'admin',
    });
    expect((await server.call('putSettings', { body: { cost_budget_24h: null } })).body.cost_budget_24h).toBeNull();
  });

  it('are recorded with what they were and are', async () => {
    await server.call('putSettings', { body: { retention_days: 31 } });
    const { body } = await server.call('listAudit', { query: { limit: 1 } });
    expect(body.entries[0]).toMatchObject({
      kind: 'settings.changed',
      actor: 'admin',
      data: { before: { retention_days: 30 }, after: { retention_days: 31 } },
    });
  });

  it('hold severities by lint code, replaced as a whole', async () => {
    const { body } = await server.call('putSettings', {
      body: { lint_severities: { redundant: 'warning', 'wide-allow': 'error', conflict: 'off' } },
    });
    expect(body.lint_severities).toEqual({ redundant: 'warning', 'wide-allow': 'error', conflict: 'off' });
    const again = await server.call('putSettings', { body: { lint_severities: { redundant: 'error' } } });
    expect(again.body.lint_severities).toEqual({ redundant: 'error' });
    const { body: none } = await server.call('putSettings', { body: { lint_severities: {} } });
    expect(none.lint_severities).toEqual({});
  });

  it('merge the limits of rollouts one by one', async () => {
    const { body } = await server.call('putSettings', { body: { gates: { max_error_rate: 0.02 }, steps: [5, 100] } });
    expect([body.gates, body.steps]).toEqual([{ ...defaults.gates, max_error_rate: 0.02 }, [5, 100]]);
    const both = { gates: { max_error_rate: 0.2 }, critical: { max_error_rate: 0.3 } };
    expect((await server.call('putSettings', { body: both })).body).toMatchObject({
      gates: { ...defaults.gates, max_error_rate: 0.2 },
      critical: { ...defaults.critical, max_error_rate: 0.3 },
    });
  });

  it('record nothing when nothing changes', async () => {
    await server.call('putSettings', { body: { lint_severities: { redundant: 'error', conflict: 'info' } } });
    const before = await server.call('listAudit', { query: { limit: 1 } });
    const { status } = await server.call('putSettings', {
      body: { retention_days: 31, four_eyes: false, lint_severities: { conflict: 'info', redundant: 'error' } },
    });
    expect(status).toBe(200);
    expect((await server.call('listAudit', { query: { limit: 1 } })).body).toEqual(before.body);
  });

  it('take the next generation only when decisions may come out differently', async () => {
    const before = await generation();
    await server.call('putSettings', { body: { retention_days: 32 } });
    expect(await generation()).toBe(before);
    await server.call('putSettings', { body: { catalog: 'open', lint_severities: { redundant: 'warning' } } });
    expect(await generation()).toBe(before);
    await server.call('putSettings', { body: { max_stale_minutes: 20 } });
    expect(await generation()).toBe(before + 1);
    await server.call('putSettings', { body: { enforce_context: false } });
    expect(await generation()).toBe(before + 2);
  });

  it('are enforced when the answer is given', async () => {
    const ask = async () =>
      (await server.call('evaluate', { body: { agent: 'a.b', action: 'c', context: {} } })).body.effect;
    expect(await ask()).toBe('deny');
    await server.call('putSettings', { body: { default_effect: 'allow' } });
    expect(await ask()).toBe('allow');
    await server.call('putSettings', { body: { default_effect: 'deny' } });
    expect(await ask()).toBe('deny');
  });

  it.each([
    [{ time_zone: 'Mars/Olympus' }, '/time_zone', /IANA/],
    [{ default_effect: 'maybe' }, '/default_effect', /one of `allow`, `deny`, `needs_approval`/],
    [{ cost_budget_24h: -1 }, '/cost_budget_24h', /0 or more/],
    [{ cost_budget_24h: '5' }, '/cost_budget_24h', /a number or null/],
    [{ retention_days: 1.5 }, '/retention_days', /an integer/],
    [{ catalog: 'strcit' }, '/catalog', /one of `strict`, `open`/],
    [{ enforce_context: 'yes' }, '/enforce_context', /a boolean/],
    [{ lint_severities: { redundent: 'off' } }, '/lint_severities/redundent', /did you mean `redundant`/],
    [{ lint_severities: { 'duplicate-id': 'warning' } }, '/lint_severities/duplicate-id', /always an error/],
    [{ lint_severities: { redundant: 'fatal' } }, '/lint_severities/redundant', /one of `error`/],
    [{ steps: [50, 10, 100] }, '/steps', /must ascend/],
    [{ steps: [10, 10, 100] }, '/steps', /must ascend/],
    [{ steps: [10, 50] }, '/steps', /end with 100/],
    [{ steps: [] }, '/steps', /at least 1|not be empty|1 item/],
    [{ dwell_hours: -1 }, '/dwell_hours', /0 or more/],
    [{ gates: { max_error_rate: 1.5 } }, '/gates/max_error_rate', /1/],
    [{ gates: { max_eror_rate: 0.1 } }, '/gates/max_eror_rate', /did you mean `max_error_rate`/],
    [{ gates: { max_error_rate: 0.9 } }, '/critical/max_error_rate', /is below 0\.9/],
    [{ critical: { max_deny_rate: 0.1 } }, '/critical/max_deny_rate', /at least `gates\.max_deny_rate`/],
    [{ four_eye: true }, '/four_eye', /did you mean `four_eyes`/],
    [{}, '', /at least one/],
    [{ approval_id: 1 }, '', /at least one/],
  ])('refuse %o', async (body, path, message) => {
    const { status, problem } = await server.call('putSettings', { body });
    expect(status).toBe(422);
    expect(problem.errors).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it('lose nothing when changed at once', async () => {
    await Promise.all([
      server.call('putSettings', { body: { retention_days: 44 } }),
      server.call('putSettings', { body: { max_stale_minutes: 44 } }),
      server.call('putSettings', { body: { cost_budget_24h: 44 } }),
    ]);
    expect((await server.call('getSettings')).body).toMatchObject({
      retention_days: 44,
      max_stale_minutes: 44,
      cost_budget_24h: 44,
    });
  });
});

describe('settings under four eyes', () => {
  let server: TestServer;
  const keys: Record<string, string> = {};
  beforeAll(async () => {
    server = await startTestServer({ catalog: 'strict', config: { fourEyesDefault: true } });
    for (const name of ['ann', 'ben']) keys[name] = await server.createKey('admin', { name });
  });
  afterAll(() => server?.close());

  const request = async (settings: Record<string, unknown>) =>
    (
      await server.call('createApproval', {
        body: { kind: 'settings', settings, justification: 'we agreed to' },
        token: keys.ann as string,
      })
    ).body.id;
  const approve = (id: number) => server.call('approve', { params: { id }, body: {}, token: keys.ben as string });

  it('need a second person for what decides', async () => {
    for (const change of [
      { default_effect: 'allow' },
      { time_zone: 'Asia/Tokyo' },
      { four_eyes: false },
      { catalog: 'open' },
      { enforce_context: false },
      { lint_severities: { conflict: 'off' } },
      { gates: { max_error_rate: 0.06 } },
      { critical: { max_deny_rate: 0.9 } },
    ]) {
      const { status, problem } = await server.call('putSettings', { body: change });
      expect([status, problem.code]).toEqual([409, 'approval_required']);
    }
    expect((await server.call('getSettings')).body).toEqual({ ...defaults, four_eyes: true });
  });

  it('need none for the others, nor for what changes nothing', async () => {
    expect((await server.call('putSettings', { body: { retention_days: 10 } })).status).toBe(200);
    expect((await server.call('putSettings', { body: { default_effect: 'deny' } })).status).toBe(200);
  });

  it('change with an approval of exactly this change, once', async () => {
    const id = await request({ default_effect: 'needs_approval' });
    const body = { default_effect: 'needs_approval', approval_id: id };
    expect((await server.call('putSettings', { body })).problem.code).toBe('approval_not_approved');
    await approve(id);
    const other = await server.call('putSettings', { body: { default_effect: 'allow', approval_id: id } });
    expect([other.status, other.problem.code]).toEqual([409, 'approval_mismatch']);
    const more = await server.call('putSettings', { body: { ...body, time_zone: 'Asia/Tokyo' } });
    expect(more.problem.code).toBe('approval_mismatch');
    expect((await server.call('putSettings', { body })).body.default_effect).toBe('needs_approval');
    expect((await server.call('getApproval', { params: { id } })).body.status).toBe('used');
    const back = await request({ default_effect: 'deny' });
    await approve(back);
    await server.call('putSettings', { body: { default_effect: 'deny', approval_id: back } });
    expect((await server.call('putSettings', { body })).problem.code).toBe('approval_used');
  });

  it('are asked for only as they could be set', async () => {
    const justification = 'we agreed to';
    for (const [settings, path] of [
      [{ lint_severities: { conflct: 'off' } }, '/settings/lint_severities/conflct'],
      [{ time_zone: 'Mars/Olympus' }, '/settings/time_zone'],
      [{ retention_days: 3 }, '/settings/retention_days'],
    ] as const) {
      const { problem } = await server.call('createApproval', { body: { kind: 'settings', settings, justification } });
      expect(problem.errors[0]?.path).toBe(path);
    }
    const id = await request({ lint_severities: { conflict: 'off' } });
    await approve(id);
    const body = { lint_severities: { conflict: 'off' }, approval_id: id };
    expect((await server.call('putSettings', { body })).body.lint_severities).toEqual({ conflict: 'off' });
  });

  it('let an approved change bring others along that need none', async () => {
    const id = await request({ time_zone: 'Asia/Tokyo' });
    await approve(id);
    const { body } = await server.call('putSettings', {
      body: { time_zone: 'Asia/Tokyo', retention_days: 77, approval_id: id },
    });
    expect(body).toMatchObject({ time_zone: 'Asia/Tokyo', retention_days: 77 });
  });

  it('turn four eyes off with four eyes', async () => {
    const id = await request({ four_eyes: false });
    const own = await server.call('approve', { params: { id }, body: {}, token: keys.ann as string });
    expect(own.problem.code).toBe('self_approval');
    await approve(id);
    expect((await server.call('putSettings', { body: { four_eyes: false, approval_id: id } })).body.four_eyes).toBe(
      false,
    );
    expect((await server.call('putSettings', { body: { default_effect: 'allow' } })).status).toBe(200);
  });

  it('need none where the change is proven to let agents do nothing more', async () => {
    const put = (body: Record<string, unknown>) => server.call('putSettings', { body });
    await put({ four_eyes: true });
    const id = await request({ default_effect: 'allow', enforce_context: false, catalog: 'open' });
    await approve(id);
    const loose = { default_effect: 'allow', enforce_context: false, catalog: 'open' };
    expect((await put({ ...loose, approval_id: id })).status).toBe(200);
    for (const change of [{ default_effect: 'needs_approval' }, { enforce_context: true }, { catalog: 'strict' }]) {
      expect((await put(change)).body).toMatchObject(change);
      const { entries } = (await server.call('listAudit', { query: { limit: 1 } })).body;
      expect(entries[0]?.data).toMatchObject({ after: change, approval_id: null, proven_stricter: true });
    }
    for (const change of [
      { default_effect: 'allow' },
      { enforce_context: false },
      { default_effect: 'deny', time_zone: 'Europe/Vienna' },
    ]) {
      const { status, problem } = await put(change);
      expect([status, problem.code]).toEqual([409, 'approval_required']);
    }
    expect((await put({ default_effect: 'deny' })).status).toBe(200);
  });
});
