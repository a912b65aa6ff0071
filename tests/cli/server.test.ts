import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LocalPolicy, PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { launch, request, rulesYaml, run, workFolder } from './cli.testkit.js';

const folder = workFolder();
folder.write('rules.yaml', rulesYaml);
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const settings = () => ({
  cwd: folder.path,
  env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
});
const studio = (...args: string[]) => run(args, settings());
const asJson = async (...args: string[]) => {
  const { code, stdout, stderr } = await studio(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

// One story, told in order: each step stands on the ones before.
describe('a bundle on its way into force', () => {
  it('is pushed as a draft, from a process of its own', async () => {
    const { code, stdout, stderr } = await launch(['bundles', 'push', 'rules.yaml'], settings());
    expect(code).toBe(0);
    expect(stderr).toMatch(/^rules\.yaml:5:5 warning conflict `deny-new-domains` denies requests/);
    expect(stdout).toMatch(/^created draft 1\.0\.0 \(id 1\), 3 rules, digest [0-9a-f]{12}\n$/);
  });

  it('is not pushed twice, but a draft can be updated', async () => {
    const again = await studio('bundles', 'push', 'rules.yaml');
    expect(again).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/^error: .*`1\.0\.0`.*--update/),
    });
    const update = await studio('bundles', 'push', 'rules.yaml', '--update', '--notes', 'Second thoughts');
    expect(update).toMatchObject({ code: 0, stdout: expect.stringMatching(/^updated draft 1\.0\.0 \(id 1\)/) });
    const { bundles } = await asJson('bundles', 'list');
    expect(bundles).toMatchObject([{ id: 1, version: '1.0.0', notes: 'Second thoughts', status: 'draft' }]);
  });

  it('is pulled as a document that can be pushed again', async () => {
    expect(await studio('bundles', 'pull', '1.0.0', '-o', 'pulled.json')).toMatchObject({ code: 0, stdout: '' });
    const over = await studio('bundles', 'pull', '1.0.0', '-o', 'pulled.json');
    expect(over).toEqual({ code: 2, stdout: '', stderr: 'error: pulled.json: is there already\n' });
    const pushed = await studio('bundles', 'push', 'pulled.json', '--version', '1.0.1', '--json');
    const copy = JSON.parse(pushed.stdout);
    expect(copy.digest).toBe((await asJson('bundles', 'show', '1')).digest);
  });

  it('leaves no file behind when there is nothing to pull', async () => {
    expect((await studio('bundles', 'pull', '9.9.9', '-o', 'none.json')).code).toBe(3);
    expect(existsSync(join(folder.path, 'none.json'))).toBe(false);
  });

  it('is not activated without an approval: nothing is asked silently', async () => {
    const { code, stderr } = await studio('bundles', 'activate', '1.0.0');
    expect(code).toBe(2);
    expect(stderr).toContain('--request-approval --justification <text>');
    const why = await studio('bundles', 'activate', '1.0.0', '--request-approval');
    expect(why).toMatchObject({ code: 2, stderr: expect.stringContaining('give --justification') });
    expect((await asJson('approvals', 'list')).total).toBe(0);
  });

  it('has its approval asked for, with what comes next', async () => {
    const args = ['bundles', 'activate', '1.0.0', '--request-approval', '--justification', 'First rules'];
    const { code, stdout } = await studio(...args);
    expect(code).toBe(0);
    expect(stdout).toContain('next:  policy-studio approvals approve 1\n');
    expect(stdout).toContain('then:  policy-studio bundles activate 1 --approval 1\n');
    const early = await studio('bundles', 'activate', '1.0.0', '--approval', '1');
    expect(early).toMatchObject({ code: 3, stderr: expect.stringContaining('approval_not_approved, 409') });
  });

  it('is approved and brought into force', async () => {
    const approved = await studio('approvals', 'approve', '1', '--comment', 'fine');
    expect(approved.stdout).toMatch(/^status +approved$/m);
    const active = await studio('bundles', 'activate', '1.0.0', '--approval', '1');
    expect(active).toMatchObject({ code: 0, stdout: '1.0.0 (id 1) is active and decides 100 % of the traffic\n' });
    expect((await studio('status')).stdout).toMatch(/^in force +1\.0\.0 \(id 1, /m);
  });

  it('has other requests rejected and withdrawn', async () => {
    for (const id of ['2', '3']) {
      const asked = await asJson('approvals', 'request', '1.0.1', '--justification', 'Again', '--risk', 'low');
      expect(String(asked.id)).toBe(id);
    }
    expect((await studio('approvals', 'reject', '2')).code).toBe(2);
    expect((await studio('approvals', 'reject', '2', '--comment', 'no')).stdout).toMatch(/^status +rejected$/m);
    expect((await studio('approvals', 'cancel', '3')).stdout).toMatch(/^status +canceled$/m);
    const { approvals } = await asJson('approvals', 'list', '--status', 'canceled');
    expect(approvals.map(({ id }: { id: number }) => id)).toEqual([3]);
  });
});

describe('rules that the server refuses', () => {
  it('are shown at their place in the file, and nothing is stored', async () => {
    folder.write('wrong.yaml', rulesYaml.replace('agent: inbox.*', 'agnet: inbox'));
    const { code, stdout, stderr } = await studio('bundles', 'push', 'wrong.yaml', '--version', '2.0.0');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('wrong.yaml:6:5 error invalid-rule');
    expect(stderr).toContain('  6 |     agnet: inbox\n');
    expect((await studio('bundles', 'show', '2.0.0')).code).toBe(3);
  });

  it('are shown at their place where a rule is no object', async () => {
    folder.write('text.yaml', 'version: 2.0.0\nrules:\n  - id: abc\n  - only words\n');
    const { code, stderr } = await studio('bundles', 'push', 'text.yaml');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'text.yaml:4:5 error validation_failed `/rules/1` must be an object\n  4 |   - only words\n    |     ^\n1 finding\n',
    );
  });

  it('are stored with their findings where only a condition is wrong', async () => {
    folder.write('draft.yaml', rulesYaml.replace('">=risk_score"', '"=>risk_score"'));
    const { code, stdout, stderr } = await studio('bundles', 'push', 'draft.yaml', '--version', '2.0.0');
    expect(code).toBe(1);
    expect(stdout).toContain('created draft 2.0.0');
    expect(stderr).toMatch(/draft\.yaml:26:7 error invalid-condition .*=>/);
    expect(stderr).toContain('the draft is stored');
  });
});

describe('lists, keys and decisions', () => {
  it('puts, shows and deletes a list', async () => {
    folder.write('vips.yaml', '{ values: [ada@example.com, "eve\\e[2J"], normalize: email }\n');
    expect((await studio('lists', 'put', 'vips', 'vips.yaml')).stdout).toBe('vips is at version 1 with 2 values\n');
    expect((await studio('lists', 'show', 'vips')).stdout).toBe('ada@example.com\neve\\u001b[2J\n');
    expect((await asJson('lists', 'list')).lists).toMatchObject([{ name: 'vips', normalize: 'email', size: 2 }]);
    expect((await studio('lists', 'delete', 'vips')).code).toBe(0);
    expect((await studio('lists', 'show', 'vips')).code).toBe(3);
  });

  it('shows a new key on standard output alone, or keeps it in a file for its owner', async () => {
    const { stdout, stderr } = await studio('keys', 'create', 'pep', '--role', 'agent', '--agents', 'inbox.*');
    expect(stdout).toMatch(/^ps_\S+\n$/);
    expect(stderr).not.toContain(stdout.trim());
    const kept = await studio('keys', 'create', 'viewer', '--role', 'viewer', '-o', 'key');
    expect(kept.stdout).toBe('');
    expect(statSync(join(folder.path, 'key')).mode & 0o777).toBe(0o600);
    const key = readFileSync(join(folder.path, 'key'), 'utf8').trim();
    expect(kept.stderr).not.toContain(key);
    const status = await run(['status', '--token-file', 'key'], {
      ...settings(),
      env: { POLICY_STUDIO_URL: server.url },
    });
    expect(status.stdout).toMatch(/^you +viewer, viewer$/m);
  });

  it('makes no key that it could not write down', async () => {
    const before = (await asJson('keys', 'list')).total;
    expect((await studio('keys', 'create', 'lost', '--role', 'viewer', '-o', 'key')).code).toBe(2);
    expect((await asJson('keys', 'list')).total).toBe(before);
  });

  it('revokes a key', async () => {
    const { api_keys: keys } = await asJson('keys', 'list');
    expect((await studio('keys', 'revoke', String(keys[0].id))).code).toBe(0);
    expect((await asJson('keys', 'list')).total).toBe(keys.length - 1);
  });

  it('lists, explains and replays a decision', async () => {
    const client = new PolicyStudioClient({ url: server.url, token: await server.createKey('agent') });
    const { decision, allowed } = await client.evaluate({ ...request, session: 'one' });
    expect(allowed).toBe(false);
    const id = decision?.decision_id ?? '';
    const { decisions } = await asJson('decisions', 'list', '--effect', 'deny');
    expect(decisions.map((one: { decision_id: string }) => one.decision_id)).toEqual([id]);
    const shown = await studio('decisions', 'show', id, '--explain');
    expect(shown.stdout).toMatch(/^rule +deny-new-domains$/m);
    expect(shown.stdout).toMatch(/met +domain_seen_days < 30 +\(is 5\)/);
    expect(await studio('decisions', 'replay', id)).toMatchObject({
      code: 0,
      stdout: 'the same: deny by deny-new-domains\n',
    });
  });
});

describe('a server that cannot serve', () => {
  it.each([
    [['status', '--token', 'ps_wrong'], /unauthenticated, 401/],
    [['status', '--workspace', 'nowhere'], /not_found|forbidden/],
    [['bundles', 'show', '9.9.9'], /not_found, 404, request /],
    [['decisions', 'show', 'one'], /validation_failed, 422/],
  ])('%j ends with exit code 3 and no stack', async (args, message) => {
    const { code, stdout, stderr } = await studio(...args);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain('ps_wrong');
  });

  it('tells a single fault once, and several one a line', async () => {
    const one = await studio('decisions', 'show', 'one');
    expect(one.stderr).toMatch(/^error: `id` must be a uuid \(validation_failed, 422, request [^)]+\)\n$/);
    const two = await studio('keys', 'create', ' ', '--role', 'agent', '--agents', 'no name', '-', '--owner', '\n');
    expect(two.stderr).toMatch(/ more\) \(validation_failed, 422, [^)]+\)\n {2}\/\w+.*: .+\n {2}\/\w+.*: .+\n/);
  });

  it('is named when it is not there', async () => {
    const { code, stderr } = await studio('status', '--url', 'http://127.0.0.1:9');
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: cannot reach http:\/\/127\.0\.0\.1:9\/policy\/\w+: .*\(network_error\)\n$/);
  });

  it('asks for a key where none is given', async () => {
    const { code, stderr } = await run(['status', '--url', server.url]);
    expect(code).toBe(3);
    expect(stderr).toContain('set POLICY_STUDIO_TOKEN, or give --token-file');
  });

  it.each([
    [['--url', 'policy.example.com'], 'is no http or https address'],
    [['--token', 'two words'], 'the token is empty or holds a space'],
    [['--token', 'a', '--token-file', 'b'], 'give --token or --token-file, not both'],
    [['--token-file', 'missing'], 'missing: there is no such file or folder'],
    [['--timeout', '0'], 'a time must be a number from 0.1 to 3600'],
  ])('is not asked with %j', async (args, message) => {
    const { code, stderr } = await studio('status', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('two words');
  });
});

describe('decisions in process, from a snapshot', () => {
  it('are those of the server', async () => {
    const client = new PolicyStudioClient({ url: server.url, token: await server.createKey('agent') });
    const answer = await client.send('getSnapshot');
    if (answer.notModified) throw new Error('nothing was known to be unchanged');
    const policy = LocalPolicy.fromSnapshot(answer.body);
    const contexts = [
      request.context,
      { risk_score: 95, domain_seen_days: 300 },
      { risk_score: '95', domain_seen_days: 300 },
      { risk_score: 95, current_hour: 3, now: 'never' },
      {},
    ];
    for (const context of contexts) {
      for (const action of ['quarantine', 'escalate', 'unheard-of']) {
        const question = { agent: 'inbox.triage', action, context };
        const { overlays, ...local } = policy.evaluate(question);
        const remote = await client.decisions.evaluate(question);
        expect(remote).toMatchObject(local);
        expect(remote.overlays.map(({ kind }) => kind)).toEqual(overlays.map(({ kind }) => kind));
      }
    }
    const condition = answer.etag === null ? {} : { 'if-none-match': answer.etag };
    expect(await client.send('getSnapshot', condition)).toMatchObject({ notModified: true });
  });

  it('refuse what the server refuses', async () => {
    const client = new PolicyStudioClient({ url: server.url, token: await server.createKey('agent') });
    const policy = LocalPolicy.fromSnapshot(await client.bundles.getSnapshot());
    const deep = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: deep(levels - 1) });
    const statusOf = async (work: () => Promise<unknown>) => {
      try {
        await work();
        return 200;
      } catch (error) {
        if (error instanceof ProblemError) return error.status;
        throw error;
      }
    };
    const questions = [
      { agent: 'inbox.*', action: 'quarantine', context: {} },
      { agent: 'inbox', action: 'two words', context: {} },
      { agent: 'inbox', action: 'x', context: deep(32) },
      { agent: 'inbox', action: 'x', context: deep(33) },
      { agent: 'inbox', action: 'x', context: { a: 'x'.repeat(65_536 - 8) } },
      { agent: 'inbox', action: 'x', context: { a: 'x'.repeat(65_536 - 7) } },
      { agent: 'inbox', action: 'x', context: { a: 'ü'.repeat(40_000) } },
    ];
    const local = await Promise.all(questions.map((one) => statusOf(async () => policy.evaluate(one))));
    const remote = await Promise.all(questions.map((one) => statusOf(() => client.decisions.evaluate(one))));
    expect(local).toEqual([422, 422, 200, 422, 200, 422, 422]);
    expect(remote.map((status) => (status === 413 ? 422 : status))).toEqual(local);
  });
});
