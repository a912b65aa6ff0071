import { escapeHtml, htmlPage, withCode } from '../../http/page.js';

export interface SignInOffer {
  /** What a link carries, to be used by a press of the button; opening the page uses nothing up. */
  readonly link: string | null;
  readonly oidc: boolean;
  /** Why the last attempt failed. */
  readonly refused: string | null;
}

/** Where people sign in: works without a script. */
export function signInPage({ link, oidc, refused }: SignInOffer): string {
  const fault = refused === null ? '' : `<p role="alert">${withCode(sentence(refused))}</p>\n`;
  if (link !== null) {
    return page(
      'Sign in',
      `${fault}<p>This link signs this browser in, once.</p>
<form method="post" action="sign-in">
<input type="hidden" name="link" value="${escapeHtml(link)}">
<button type="submit">Sign in</button>
</form>`,
    );
  }
  return page(
    'Sign in',
    `${fault}${oidc ? '<p><a href="sign-in/oidc">Sign in with your organisation</a></p>\n' : ''}<form method="post" action="sign-in">
<label for="token">API key or admin token</label>
<input id="token" name="token" type="password" autocomplete="off" required maxlength="512" size="52">
<button type="submit">Sign in</button>
</form>
<p class="dim">An admin of your workspace makes API keys and sign-in links. The admin token is <code>ADMIN_TOKEN</code>, else the file <code>admin-token</code> in the data folder.</p>`,
  );
}

export interface SignedInPerson {
  readonly person: string;
  readonly role: string;
  readonly workspace: string;
  readonly until: string;
}

export function signedInPage({ person, role, workspace, until }: SignedInPerson, csrfToken: string): string {
  return page(
    'Signed in',
    `<p>As <strong>${escapeHtml(person)}</strong>, ${escapeHtml(role)} in the workspace ${escapeHtml(workspace)}, until ${escapeHtml(until)}.</p>
<p><a href="./">Policy Studio</a> · <a href="docs">HTTP interface</a></p>
<form method="post" action="sign-out">
<input type="hidden" name="csrf_token" value="${escapeHtml(csrfToken)}">
<button type="submit">Sign out</button>
</form>`,
  );
}

/**
 * After the way back from the identity provider. Browsers keep `Strict` cookies from a redirect that another site began, so
 * the next step has to start on a page of ours.
 */
export function arrivedPage(base: string): string {
  return htmlPage(
    base,
    'Policy Studio: signed in',
    `<h1>Signed in</h1>
<p><a href="${base}">Go on</a></p>`,
  ).replace('<title>', `<meta http-equiv="refresh" content="0; url=${base}">\n<title>`);
}

export function failedPage(base: string, refused: string): string {
  return htmlPage(
    base,
    'Policy Studio: not signed in',
    `<h1>Not signed in</h1>
<p role="alert">${withCode(sentence(refused))}</p>
<p><a href="${base}sign-in">Back</a></p>`,
    'panel',
  );
}

function page(title: string, body: string): string {
  return htmlPage('', `Policy Studio: ${title.toLowerCase()}`, `<h1>${title}</h1>\n${body}`, 'panel');
}

function sentence(detail: string): string {
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`;
}
