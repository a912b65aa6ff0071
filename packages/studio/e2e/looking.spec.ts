import { expect, lookAt, signIn, test } from './policy-studio.js';

test.beforeEach(async ({ page, seeded }) => {
  expect(seeded.draftId).toBeGreaterThan(0);
  await signIn(page);
});

test('the overview says what is in force, why the rollout holds and what waits', async ({ page }) => {
  const main = page.getByRole('main');
  await expect(main.getByText('canary 10 %')).toBeVisible();
  await expect(main.getByText(/^Holding at 10 %|^Going on at 10 %/)).toBeVisible();
  await expect(main.getByText('knowledge.search wants to reindex').first()).toBeVisible();
  await expect(main.getByText('knowledge.search is failing, 8.2 % of its actions')).toBeVisible();
  await expect(page.getByRole('img', { name: '2.1.0 decides 90 %, 2.2.0 10 %' })).toBeVisible();
  await lookAt(page, 'overview');
});

test('bundles are listed with their findings, and open by mouse and by keyboard', async ({ page, seeded }) => {
  await page.getByRole('link', { name: 'Bundles' }).click();
  const row = page.getByRole('row', { name: /^2\.2\.0/ });
  await expect(row).toContainText('Canary at 10 %');
  await expect(row.getByRole('img', { name: /warnings?$/ })).toBeVisible();
  await lookAt(page, 'bundles');
  await row.getByText('Doubtful mail').click();
  await expect(page).toHaveURL(new RegExp(`/bundles/${seeded.canaryId}$`));
  await page.goBack();
  await page.getByRole('link', { name: '2.3.0' }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/bundles/${seeded.draftId}$`));
});

test('a bundle reads as sentences, and as source by the engine of this page', async ({ page, seeded }) => {
  await page.goto(`/bundles/${seeded.canaryId}`);
  const rules = page.getByRole('listbox', { name: /Rules/ });
  await rules.focus();
  for (let index = 0; index < 6; index += 1) await page.keyboard.press('ArrowDown');
  await expect(page).toHaveURL(/rule=inbox-quarantine-high-risk/);
  await expect(page.getByRole('article', { name: 'inbox-quarantine-high-risk' })).toContainText(
    'Allow inbox.triage to quarantine when risk_score is at least 85 and any of these holds:',
  );
  await lookAt(page, 'bundle-rules');
  await page.getByLabel('Search 11 rules').fill('reindex');
  await expect(rules.getByRole('option')).toHaveCount(2);
  await page.getByRole('tab', { name: 'YAML' }).click();
  await expect(page.getByRole('textbox', { name: '2.2.0 as YAML' })).toContainText('id: inbox-deny-trusted');
  await lookAt(page, 'bundle-yaml');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await expect(page.getByRole('textbox', { name: '2.2.0 as JSON' })).toContainText('"id": "inbox-deny-trusted"');
});

test('a request is tried against a bundle, and the answer says why', async ({ page, seeded }) => {
  await page.goto(`/bundles/${seeded.draftId}?view=try`);
  const answer = page.getByRole('region', { name: 'Answer' });
  await expect(answer.getByRole('status')).toContainText('Allow');
  await page.getByRole('combobox', { name: 'Load a case' }).click();
  await page.getByRole('option', { name: 'inbox high risk known domain' }).click();
  await expect(answer.getByRole('status')).toContainText('No rule matches');
  const request = page.getByRole('textbox', { name: 'Request as JSON' });
  await request.press('ControlOrMeta+a');
  await request.press('Delete');
  await page.keyboard.type(
    '{"agent": "inbox.triage", "action": "quarantine", "context": {"risk_score": 92, "domain_seen_days": 12, "confidence": 0.55}}',
  );
  await expect(answer.getByRole('status')).toContainText('Confidence is too low to hide mail from a person.');
  await expect(answer.getByText('Decides')).toBeVisible();
  await lookAt(page, 'bundle-try');
  await request.press('ControlOrMeta+End');
  await request.press('Backspace');
  await expect(page.getByRole('alert')).toContainText('no JSON yet');
});

test('a draft is deleted after a question', async ({ page, server }) => {
  const { id } = await server.client.bundles.createBundle({ version: '3.0.0', rules: [] });
  await page.goto(`/bundles/${id}`);
  await page.getByRole('button', { name: 'Delete draft' }).click();
  await expect(page.getByRole('dialog', { name: 'Delete the draft 3.0.0?' })).toBeVisible();
  await lookAt(page, 'delete-dialog', { widths: [390, 1280] });
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page).toHaveURL(/\/bundles$/);
  await expect(page.getByText('3.0.0 is deleted')).toBeVisible();
});

test('a viewer is told why a button is not theirs', async ({ page, server, seeded }) => {
  await page.getByRole('button', { name: 'admin, admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await signIn(page, await server.key('viewer', 'Vera Viewer'), `/bundles/${seeded.draftId}`);
  await page.getByRole('button', { name: 'Copy digest' }).focus();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Delete draft' })).toBeFocused();
  await expect(page.getByRole('tooltip')).toContainText('Needs the role author or admin; you are a viewer');
});

test('the palette leads anywhere from the keyboard alone', async ({ page, seeded }) => {
  await page.keyboard.press('ControlOrMeta+k');
  const search = page
    .getByRole('searchbox', { name: 'Search or run a command' })
    .or(page.getByPlaceholder(/Go to a page/));
  await expect(search).toBeFocused();
  await lookAt(page, 'palette', { widths: [390, 1280] });
  await search.fill('weekend');
  await expect(page.getByText('planner-deny-weekend')).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/bundles/${seeded.stableId}\\?rule=planner-deny-weekend$`));
});

test('what others change is there without asking', async ({ page, server }) => {
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  await page.getByRole('link', { name: 'Bundles' }).click();
  await expect(page.getByRole('row', { name: /^2\.3\.0/ })).toBeVisible();
  await server.client.bundles.createBundle({ version: '9.0.0', rules: [] });
  await expect(page.getByRole('row', { name: /^9\.0\.0/ })).toBeVisible({ timeout: 5_000 });
});

test('the colour scheme that was chosen is there before the page is', async ({ page }) => {
  await page.getByRole('button', { name: 'Colour scheme' }).click();
  await page.getByRole('menuitem', { name: 'Dark' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  await page.route('**/assets/index-*.js', (route) => held.then(() => route.continue()));
  await page.reload({ waitUntil: 'commit' });
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
  expect(await page.locator('#root').innerHTML()).toBe('');
  goOn();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
});

test('a switch that is on is said on every page, with the time that is left', async ({ page, server }) => {
  await server.client.system.disablePolicy({ effect: 'deny', reason: 'trying the banner out', ttl_minutes: 5 });
  const banner = page.getByRole('status').filter({ hasText: 'everything is denied' });
  await expect(banner).toContainText(/4\smin\s\d+\ss left/);
  await lookAt(page, 'banner', { widths: [390, 1280] });
  await server.client.system.enablePolicy({});
  await expect(banner).toBeHidden();
});

test('the admin of the server looks at another workspace, and back, in this tab alone', async ({ page, server }) => {
  await server.client.workspaces.createWorkspace({ name: 'research' });
  await page.reload();
  await page.getByRole('button', { name: 'Workspace default, choose another' }).click();
  await page.getByRole('menuitem', { name: 'research' }).click();
  await expect(page.getByText('Nothing is in force yet')).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  await page.reload();
  await expect(page.getByText('Nothing is in force yet')).toBeVisible();
  await page.getByRole('button', { name: 'Workspace research, choose another' }).click();
  await page.getByRole('menuitem', { name: 'default' }).click();
  await expect(page.getByRole('main').getByText('2.1.0', { exact: true })).toBeVisible();
});
