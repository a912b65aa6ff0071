import type { SystemStatus } from '@policy-studio/contract';
import { escapeHtml, htmlPage } from '../../http/page.js';

/** What a person sees who opens the server's address. `status` only where the person sits at this machine. */
export function homePage(version: string, status: SystemStatus | null): string {
  const inForce = status
    ? `<h2>In force</h2>
<dl>
<dt>workspace</dt><dd>${escapeHtml(status.workspace)}</dd>
<dt>bundle</dt><dd>${
        status.safe
          ? 'the built-in safe one: everything is denied'
          : status.bundle
            ? `${escapeHtml(status.bundle.version)} <span class="dim">digest</span> <code>${escapeHtml(status.bundle.digest.slice(0, 12))}</code>`
            : 'none yet: every question gets the default effect'
      }</dd>
<dt>default effect</dt><dd>${escapeHtml(status.default_effect)}</dd>
${
  status.pin
    ? `<dt>emergency switch</dt><dd>${escapeHtml(status.pin.effect)} for whoever asks, until ${escapeHtml(status.pin.until)}</dd>
`
    : ''
}${
  status.bundle_pin
    ? `<dt>pinned</dt><dd>bundle ${escapeHtml(status.bundle_pin.bundle.version)} decides everything, until ${escapeHtml(status.bundle_pin.until ?? 'somebody ends it')}</dd>
`
    : ''
}<dt>database</dt><dd>${status.database === 'ok' ? 'answers' : 'away; decisions go on from what was last in force'}</dd>
</dl>`
    : '';
  return htmlPage(
    '',
    'Policy Studio',
    `<h1>Policy Studio</h1>
<p class="dim">Version ${escapeHtml(version)}. Decides what AI agents may do, and makes changing those rules safe.</p>
${inForce}
<h2>Ask</h2>
<pre><code>curl -s $URL/policy/evaluate -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
  -d '{"agent": "inbox.triage", "action": "quarantine", "context": {"risk_score": 95}}'</code></pre>
<p class="dim">The token is an API key, or the admin token: <code>ADMIN_TOKEN</code>, else the file <code>admin-token</code> in the data folder.</p>
<h2>Read</h2>
<p><a href="docs">HTTP interface</a>, also as <a href="openapi.json">OpenAPI 3.1</a></p>
<p><a href="schema/rule.schema.json">JSON Schema of a rule</a></p>
<p><a href="docs/problems">Problem codes</a></p>`,
  );
}
