import { expect, lookAt, signIn, test } from './policy-studio.js';

test('a rule is edited in the builder and as text, mended from a finding, and saved', async ({
  page,
  server,
  seeded,
}) => {
  expect(seeded.draftId).toBeGreaterThan(0);
  const rule = {
    id: 'allow-small',
    agent: 'planner.deploy',
    action: 'deploy',
    effect: 'allow',
    reason: 'Small steps.',
  };
  const { id } = await server.client.bundles.createBundle({
    version: '4.0.0',
    rules: [{ ...rule, conditions: { '<=canary_pct': 10, any: [{ risk_level: 'low' }, { '=>age': 3 }] } }],
  });
  await signIn(page, undefined, `/bundles/${id}`);
  await page.getByRole('link', { name: 'Edit' }).click();
  const article = page.getByRole('article', { name: 'allow-small' });

  await page.getByRole('region', { name: 'Findings' }).getByRole('button', { name: />=age/ }).click();
  await expect(article).toContainText('age is at least 3');

  await page.getByRole('textbox', { name: 'Value of canary_pct' }).fill('25');
  await page.keyboard.press('Enter');
  await expect(article).toContainText('canary_pct is at most 25');
  await lookAt(page, 'editor-builder', { widths: [390, 1280] });

  await page.getByRole('tab', { name: 'YAML' }).click();
  const source = page.getByRole('textbox', { name: '4.0.0 as YAML' });
  await expect(source).toContainText('<=canary_pct: 25');
  await source.press('ControlOrMeta+Home');
  await page.keyboard.type('# Asked for by the desk.');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Builder' }).click();
  await page.getByRole('textbox', { name: 'Priority' }).fill('70');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'YAML' }).click();
  await expect(source).toContainText('# Asked for by the desk.');
  await expect(source).toContainText('priority: 70');
  await lookAt(page, 'editor-yaml', { widths: [390, 1280] });
  await expect(page.getByRole('status').filter({ hasText: /^Saved$/ })).toBeVisible();
  const saved = await server.client.bundles.getBundle({ id });
  expect(saved.rules[0]).toMatchObject({ priority: 70, conditions: { '<=canary_pct': 25 } });
  expect(saved.lint.summary.errors).toBe(0);

  await page.keyboard.press('ControlOrMeta+z');
  await expect(source).not.toContainText('priority: 70');
});
