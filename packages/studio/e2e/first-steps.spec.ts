import { adminToken, expect, lookAt, signIn, test } from './policy-studio.js';

test('a person who is not signed in is asked to, and comes to the page they wanted', async ({ page }) => {
  await page.goto('/bundles');
  await expect(page.getByRole('heading', { name: 'Sign in to Policy Studio' })).toBeVisible();
  await lookAt(page, 'sign-in');
  await page.getByLabel('API key or admin token').fill(adminToken);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(/\/bundles$/);
  await expect(page.getByRole('heading', { name: 'Bundles', exact: true })).toBeVisible();
});

test('an empty workspace says what to do next', async ({ page }) => {
  await signIn(page);
  await expect(page.getByText('Nothing is in force yet')).toBeVisible();
  await lookAt(page, 'overview-empty');
  await page.getByRole('link', { name: 'Open bundles' }).click();
  await expect(page.getByText('No bundles yet')).toBeVisible();
  await lookAt(page, 'bundles-empty');
});

test('a session outlives a reload, and ends for good when its person signs out', async ({ page, watched }) => {
  await signIn(page);
  await page.reload();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
  expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(adminToken);
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await page.getByRole('button', { name: 'admin, admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in to Policy Studio' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Sign in to Policy Studio' })).toBeVisible();
  expect(watched).toEqual([]);
});

test('a key that is not known is refused in the words of the server', async ({ page, watched }) => {
  await page.goto('/');
  await page.getByLabel('API key or admin token').fill('ps_00000000_nothing');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText(/not known/);
  await lookAt(page, 'sign-in-refused', { widths: [390] });
  // The browser says every 401 itself.
  watched.splice(0, watched.length, ...watched.filter((fault) => !fault.includes('401')));
});
