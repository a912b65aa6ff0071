import { adminToken, expect, lookAt, type PolicyServer, signIn, test } from './policy-studio.js';

/** Rules that differ in one: the candidate denies doubtful mail, and lets an index be built anew without asking. */
const rules = (id: string) => [
  {
    id: 'inbox-quarantine-risky',
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    priority: 50,
    conditions: { '>=risk_score': 85 },
    reason: 'High-risk mail',
  },
  ...(id === 'after'
    ? [
        {
          id: 'inbox-deny-doubtful',
          agent: 'inbox.triage',
          action: 'quarantine',
          effect: 'deny',
          priority: 90,
          conditions: { '<confidence': 0.2 },
          reason: 'Too doubtful to hide mail from a person.',
        },
      ]
    : []),
  {
    id: 'knowledge-reindex',
    agent: 'knowledge.search',
    action: 'reindex',
    effect: id === 'after' ? 'allow' : 'deny',
    conditions: { '<=index_size_gb': 5 },
    reason: 'Small indexes are cheap to build anew.',
    budget: { cost: 2, risk: 'low' },
  },
];

/** Activates new rules at a share, with no time to wait for. */
async function activate(
  { client }: PolicyServer,
  bundle: { readonly version: string; readonly rules: ReturnType<typeof rules>; readonly share: number },
): Promise<{ bundleId: number; rolloutId: number }> {
  const { id } = await client.bundles.createBundle({ version: bundle.version, rules: bundle.rules });
  const asked = await client.approvals.createApproval({
    kind: 'activation',
    bundle_id: id,
    initial_pct: bundle.share,
    justification: 'Measured on recorded mail',
  });
  await client.approvals.approve({ id: asked.id, comment: 'Reads well' });
  await client.bundles.activateBundle({ id, approval_id: asked.id, canary_pct: bundle.share, dwell_hours: 0 });
  const { rollouts } = await client.rollouts.listRollouts({ bundle_id: id });
  return { bundleId: id, rolloutId: rollouts[0]?.id ?? 0 };
}

async function ask({ client }: PolicyServer, count: number): Promise<void> {
  const requests = Array.from({ length: count }, (_, index) => ({
    agent: index % 8 === 7 ? 'knowledge.search' : 'inbox.triage',
    action: index % 8 === 7 ? 'reindex' : 'quarantine',
    context:
      index % 8 === 7
        ? { index_size_gb: 3 }
        : { risk_score: 90, confidence: index % 8 === 0 ? 0.1 : 0.9, sender: 'a@b.example' },
    session: `run-${index % 60}`,
  }));
  await client.decisions.evaluateBatch({ requests });
}

test('decisions are found, explained and proven, and put to another bundle', async ({ page, server, seeded }) => {
  expect(seeded.draftId).toBeGreaterThan(0);
  await signIn(page, adminToken, '/decisions');
  const main = page.getByRole('main');
  const rows = page.getByRole('table', { name: 'Decisions, newest first' }).getByRole('row');
  await expect(rows.nth(20)).toBeVisible();
  await page.getByRole('radiogroup', { name: 'Effect' }).getByText('Deny').click();
  await expect(page).toHaveURL(/effect=deny/);
  await expect(rows.nth(1)).toContainText('Deny');
  await expect(rows.filter({ hasText: 'Allow' })).toHaveCount(0);
  await page.getByRole('textbox', { name: 'Session' }).fill('of-nobody');
  await page.getByRole('textbox', { name: 'Session' }).press('Enter');
  await expect(main.getByText('No decision fits these filters')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('textbox', { name: 'Session' })).toHaveValue('of-nobody');
  await main.getByRole('button', { name: 'Clear filters' }).first().click();
  await expect(rows.nth(20)).toBeVisible();
  await lookAt(page, 'decisions', { widths: [390, 1280] });

  // It comes in by itself, and the list stands still under the pointer.
  await page.getByRole('textbox', { name: 'Session' }).fill('explained');
  await page.getByRole('textbox', { name: 'Session' }).press('Enter');
  await expect(main.getByText('No decision fits these filters')).toBeVisible();
  await page.mouse.move(5, 5);
  const { decision_id } = await server.client.decisions.evaluate({
    agent: 'inbox.triage',
    action: 'quarantine',
    context: { risk_score: 92, domain_seen_days: 12, confidence: 0.55 },
    session: 'explained',
  });
  await expect(rows).toHaveCount(2);
  await rows.nth(1).hover();
  await expect(main.getByText('Stands still while you point at it')).toBeVisible();
  await rows.nth(1).getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(decision_id));

  await expect(main.getByRole('heading', { name: 'inbox.triage quarantine' })).toBeVisible();
  await expect(main.getByText('Decides', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Replay' }).click();
  await expect(main.getByText('Same decision: proven.')).toBeVisible();
  await page.getByRole('combobox', { name: 'Bundle' }).click();
  await page.getByRole('option', { name: /^2\.0\.0/ }).click();
  await expect(main.getByRole('status')).toHaveCount(2);
  await expect(main.getByText('the same effect', { exact: true })).toBeVisible();
  await lookAt(page, 'decision', { widths: [390, 1280] });
  await page.getByRole('link', { name: 'All of this session' }).click();
  await expect(rows).toHaveCount(2);

  await page.keyboard.press('ControlOrMeta+k');
  await page.getByPlaceholder(/Go to a page/).fill(decision_id);
  await page.getByText('Decision', { exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/decisions/${decision_id}$`));
});

test('a rollout is watched, signed off, promoted, and rolled back with a reason', async ({ page, server }) => {
  const { client } = server;
  const { rollouts } = await client.rollouts.listRollouts({});
  for (const { id, phase } of rollouts) {
    if (phase === 'canary') await client.rollouts.rollbackRollout({ id, reason: 'Makes room for another' });
  }
  await activate(server, { version: '5.0.0', rules: rules('before'), share: 100 });
  const { rolloutId } = await activate(server, { version: '5.1.0', rules: rules('after'), share: 0 });
  await signIn(page, adminToken, '/rollouts');
  await page
    .getByRole('row', { name: /^5\.1\.0/ })
    .getByRole('link')
    .click();
  await expect(page).toHaveURL(new RegExp(`/rollouts/${rolloutId}$`));
  const main = page.getByRole('main');
  const dialog = page.getByRole('dialog');

  await expect(main.getByRole('heading', { name: 'Waiting for somebody to sign off' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign off' }).click();
  await dialog.getByRole('button', { name: 'Sign off' }).click();
  await expect(main.getByText(/signed off what is newly allowed/).first()).toBeVisible();
  const promote = page.getByRole('button', { name: 'Promote to 10 %' });
  await promote.hover();
  await expect(page.getByRole('tooltip')).toContainText('gates do not pass yet');

  await ask(server, 1000);
  await page.reload();
  await expect(main.getByRole('row', { name: /^Deny rate/ })).toContainText('Pass');
  await expect(main.getByText('inbox-deny-doubtful').first()).toBeVisible();
  await lookAt(page, 'rollout', { widths: [390, 1280] });
  await promote.click();
  await dialog.getByRole('button', { name: 'Promote' }).click();
  await expect(main.getByText('Canary at 10 %')).toBeVisible();

  await page.getByRole('button', { name: 'Roll back' }).click();
  await expect(dialog.getByRole('button', { name: 'Roll back' })).toBeDisabled();
  await dialog.getByLabel('Reason').fill('Board mail was hidden');
  await lookAt(page, 'roll-back-dialog', { widths: [390, 1280] });
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await expect(main.getByRole('heading', { name: 'Rolled back: 5.0.0 decides everything' })).toBeVisible();
  await expect(main.getByText('rolled it back: Board mail was hidden')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Roll back' })).toBeHidden();
  await lookAt(page, 'rollout-rolled-back', { widths: [1280] });
  const { incidents } = await client.incidents.listIncidents({});
  expect(incidents.some(({ summary }) => summary.includes('5.1.0'))).toBe(true);
});
