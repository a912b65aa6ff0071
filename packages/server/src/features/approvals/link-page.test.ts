import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice, rule } from '../bundles/bundles.testkit.js';
import { putInForce } from '../decisions/in-force.testkit.js';

let office: Office;
let agent: string;
let bundleId: number;
let logged = '';
beforeAll(async () => {
  const out = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  office = await openOffice({ log: pino({ level: 'trace' }, out) });
  agent = await office.createKey('agent', { owner: 'Rob' });
  bundleId = (await office.draft('1.0.0', [rule('one')])).id;
});
afterAll(() => office.close());

async function linkTo(id: number, approver = 'Cleo'): Promise<string> {
  const { body } = await office.call('createApprovalLink', { params: { id }, body: { approver } });
  return body.url;
}
const post = (url: string, body: string, type: string) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': type } });

test('shows what agents and people wrote as text, whatever it looks like', async () => {
  const evil = '</dd><script>alert(1)</script><img src=x onerror=alert(1)>"\'&';
  const { id } = await office.request(bundleId, { justification: evil, rollback_plan: evil });
  const html = await (await fetch(await linkTo(id, `Mallory "><b>`))).text();
  expect(html).not.toMatch(/<script|<img|<b>/);
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html).toContain('You decide as <strong>Mallory &quot;&gt;&lt;b&gt;</strong>');
});

test('shows which rules an activation adds, changes and removes', async () => {
  const served = async (version: string, rules: readonly unknown[]) => {
    const { id } = await office.request((await office.draft(version, rules)).id);
    return (await fetch(await linkTo(id))).text();
  };
  expect(await served('2.0.0', [rule('one'), rule('two')])).toContain(
    '2 added, 0 removed, 0 changed, 0 as before; nothing is in force',
  );
  await office.inForce('2.0.1', [rule('one'), rule('two'), rule('three')]);
  const html = await served('2.0.2', [
    rule('one'),
    rule('two', { effect: 'deny' }),
    rule('four', { reason: 'a <b>bold</b> one' }),
  ]);
  expect(html).toContain('1 added, 1 removed, 1 changed, 1 as before; compared with 2.0.1, which is in force');
  expect(html).toContain('+ four: allow inbox.triage quarantine (a &lt;b&gt;bold&lt;/b&gt; one)');
  expect(html).toContain('~ two: deny inbox.triage quarantine (risky senders are set aside)');
  expect(html).toContain('- three: allow inbox.triage quarantine');
});

test('shows an action without the values that the catalog marks sensitive', async () => {
  const schema = {
    type: 'object',
    properties: { iban: { type: 'string', 'x-sensitive': true }, amount: { type: 'number' } },
  };
  await office.call('putCatalogAction', { params: { action: 'pay' }, body: { context_schema: schema } });
  await putInForce(office, { rules: [rule('ask', { agent: '*', action: '*', effect: 'needs_approval' })] as never });
  const context = { iban: 'AT483200000012345864', amount: 12 };
  const { body } = await office.call('evaluate', { token: agent, body: { agent: 'bot', action: 'pay', context } });
  const html = await (await fetch(await linkTo(body.approval!.id))).text();
  expect(html).toContain('&quot;amount&quot;: 12');
  expect(html).not.toContain('AT4832');
});

test('is in no line of the log, however it is called', async () => {
  const { id } = await office.request(bundleId);
  const url = await linkTo(id);
  const token = new URL(url).searchParams.get('token')!;
  await fetch(url);
  await fetch(`${url}x`);
  await post(url, 'verdict=perhaps', 'application/x-www-form-urlencoded');
  await post(url, '{"verdict":"approve"}', 'application/json');
  await post(`${office.url}/approval-link`, `token=${token}&verdict=approve`, 'application/x-www-form-urlencoded');
  expect(logged).toContain('/approval-link');
  expect(logged).not.toContain(token);
});

test('takes a form and nothing else for a decision', async () => {
  const { id } = await office.request(bundleId);
  const url = await linkTo(id);
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
    expect((await post(url, 'verdict=approve', type)).status).toBe(422);
  }
  expect((await fetch(`${url}&verdict=approve`)).status).toBe(200);
  expect((await fetch(`${url}&verdict=approve`, { method: 'PUT' })).status).toBe(405);
  expect(
    (await post(url, `verdict=approve&comment=${'x'.repeat(40_000)}`, 'application/x-www-form-urlencoded')).status,
  ).toBe(413);
  expect((await office.call('getApproval', { params: { id } })).body.status).toBe('pending');
  // Without the hidden field the token of the address counts, as where a page is saved and sent again.
  expect((await post(url, 'verdict=approve', 'application/x-www-form-urlencoded')).status).toBe(200);
});

test('one who makes links cannot be two people where two are needed', async () => {
  const { id } = await office.request(bundleId, { risk: 'high' });
  const forms = [await linkTo(id, 'Cleo'), await linkTo(id, 'Dan')].map((url) =>
    post(url, 'verdict=approve', 'application/x-www-form-urlencoded'),
  );
  const pages = await Promise.all((await Promise.all(forms)).map((page) => page.text()));
  expect(pages.join()).toContain('has no part in');
  const { body } = await office.call('getApproval', { params: { id } });
  expect(body).toMatchObject({ status: 'pending', quorum: 2, approvals_given: 2 });
  expect(body.waits_for).toEqual(['an approval that `admin` has no part in, who alone stands behind those given']);
  // Nor with a vote of their own.
  const own = await office.call('approve', { params: { id }, body: {} });
  expect(own.body.status).toBe('pending');
  const other = await office.call('approve', { token: office.ann, params: { id }, body: {} });
  expect(other.body).toMatchObject({ status: 'approved', waits_for: [] });
});
