import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/server.testkit.js';
import { run, workFolder } from './cli.testkit.js';

const folder = workFolder();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ catalog: 'strict' });
});
afterAll(() => server?.close());

const studio = (...args: string[]) =>
  run(args, {
    cwd: folder.path,
    env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
  });
const asJson = async (...args: string[]) => {
  const { code, stdout, stderr } = await studio(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

describe('the catalog on the command line', () => {
  it('is shown with agents, actions and coverage', async () => {
    const { code, stdout } = await studio('catalog', 'show');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^inbox\.triage +\S/m);
    expect(stdout).toMatch(/^quarantine +all +yes +medium +- +no$/m);
    expect(stdout).toMatch(/^0 of 9 actions covered \(0\.0 %\)$/m);
    expect((await asJson('catalog', 'show')).actions).toHaveLength(9);
  });

  it('takes an agent and an action with a schema from a YAML file, and shows it', async () => {
    expect((await studio('catalog', 'put-agent', 'shop.bot', '--description', 'Sells things')).stdout).toBe(
      'shop.bot is in the catalog\n',
    );
    folder.write('refund.yaml', 'type: object\nproperties:\n  amount: { type: number }\n');
    const put = await studio(
      ...['catalog', 'put-action', 'refund', '--agents', 'shop.bot, inbox.*', '--schema', 'refund.yaml'],
      ...['--risk', 'high', '--cost', '0.5'],
    );
    expect(put).toEqual({ code: 0, stdout: 'refund is in the catalog\n', stderr: '' });
    expect(await asJson('catalog', 'show', 'refund')).toMatchObject({
      agents: ['shop.bot', 'inbox.*'],
      context_schema: { properties: { amount: { type: 'number' } } },
      risk: 'high',
      cost: 0.5,
    });
    expect((await asJson('catalog', 'put-action', 'refund', '--all-agents')).agents).toBeNull();
  });

  it('tells what is wrong with a schema, at its place', async () => {
    folder.write('odd.json', '{"properties": {"amount": {"type": "money"}}}');
    const { code, stderr } = await studio('catalog', 'put-action', 'odd', '--schema', 'odd.json');
    expect(code).toBe(3);
    expect(stderr).toContain('`/context_schema/properties/amount/type`');
    expect(stderr).toContain('`money`');
    folder.write('list.json', '[1]');
    const list = await studio('catalog', 'put-action', 'odd', '--schema', 'list.json');
    expect(list).toMatchObject({ code: 2, stderr: 'error: list.json: a schema is an object\n' });
    expect((await studio('catalog', 'put-action', 'odd', '--cost', 'much')).code).toBe(2);
    expect((await studio('catalog', 'put-action', 'odd', '--agents', ' , ')).code).toBe(2);
    expect((await studio('catalog', 'put-action', 'odd', '--agents', 'a', '--all-agents')).code).toBe(2);
  });

  it('imports the tools of an MCP server, and exits with 1 where one is refused', async () => {
    const inputSchema = { type: 'object', properties: { title: { type: 'string' } } };
    folder.write('tools.json', JSON.stringify({ result: { tools: [{ name: 'create_issue', inputSchema }] } }));
    const done = await studio('catalog', 'import', 'tools.json', '--agent', 'dev.agent', '--prefix', 'github');
    expect(done).toEqual({
      code: 0,
      stdout: 'added    github.create_issue\n1 added, 0 updated, 0 unchanged, 0 refused\n',
      stderr: '',
    });
    const tools = [
      { name: 'ok', inputSchema },
      { name: 'bad\u001b[2J name', inputSchema },
    ];
    const some = await run(['catalog', 'import', '-', '--agent', 'dev.agent'], {
      cwd: folder.path,
      input: JSON.stringify(tools),
      env: { POLICY_STUDIO_URL: server.url, POLICY_STUDIO_TOKEN: server.adminToken },
    });
    expect(some.code).toBe(1);
    expect(some.stdout).toContain('1 added, 0 updated, 0 unchanged, 1 refused');
    expect(some.stderr).toMatch(/^refused {2}bad\\u001b\[2J name: /);
    expect((await studio('catalog', 'import', 'tools.json')).code).toBe(2);
  });

  it('loses what is deleted, and says what stands in the way', async () => {
    await studio('catalog', 'put-action', 'weld', '--agents', 'shop.bot');
    const held = await studio('catalog', 'delete-agent', 'shop.bot');
    expect(held).toMatchObject({ code: 3, stderr: expect.stringMatching(/`weld`.*agent_in_use, 409/) });
    expect(await studio('catalog', 'delete-action', 'weld')).toMatchObject({ code: 0, stdout: 'deleted weld\n' });
    expect((await studio('catalog', 'delete-agent', 'shop.bot')).code).toBe(0);
    expect((await studio('catalog', 'delete-agent', 'shop.bot')).code).toBe(3);
  });
});
