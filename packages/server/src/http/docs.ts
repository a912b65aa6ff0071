import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { allOperations, openApiDocument, problemCodes } from '@policy-studio/contract';
import { ruleSchema } from '@policy-studio/engine';
import type { FastifyInstance } from 'fastify';
import type { Services } from '../services.js';
import { type Asset, makeAsset, sendAsset } from './asset.js';
import { htmlPage, pagePolicy, pageStyle, withCode } from './page.js';

/** Everything from this server. The reference writes styles while it runs. */
const referencePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The documentation this server carries: all of it from here, nothing from another host. */
export function docsRoutes(app: FastifyInstance, services: Services): void {
  const { version } = services.config;
  serve(app, '/openapi.json', 'application/json; charset=utf-8', () =>
    JSON.stringify(openApiDocument(allOperations, version)),
  );
  serve(app, '/schema/rule.schema.json', 'application/schema+json; charset=utf-8', () => JSON.stringify(ruleSchema));
  serve(app, '/docs/page.css', 'text/css; charset=utf-8', () => pageStyle);
  serve(app, '/docs/reference.js', 'text/javascript; charset=utf-8', referenceBundle);
  serve(app, '/docs/start.js', 'text/javascript; charset=utf-8', () => startReference);
  serve(app, '/docs/problems', 'text/html; charset=utf-8', problemsPage, pagePolicy);
  serve(app, '/docs', 'text/html; charset=utf-8', () => referencePage, referencePolicy);
}

/** Answers a document that never changes while the server runs: made and compressed on first use, with an ETag. */
function serve(
  app: FastifyInstance,
  path: string,
  type: string,
  make: () => string | Buffer | Promise<Buffer>,
  policy?: string,
): void {
  let asset: Promise<Asset> | undefined;
  app.get(path, async (request, reply) => {
    // Links in a page are relative to its own address, which has no slash at its end.
    if (request.url.split('?', 1)[0]?.endsWith('/'))
      return reply.redirect(`..${path.slice(path.lastIndexOf('/'))}`, 308);
    asset ??= (async () => makeAsset(type, await make()))();
    asset.catch(() => {
      asset = undefined;
    });
    if (policy) reply.header('content-security-policy', policy);
    return sendAsset(request, reply, await asset);
  });
}

/** The browser part of the reference, as its package ships it. */
function referenceBundle(): Promise<Buffer> {
  const entry = createRequire(import.meta.url).resolve('@scalar/fastify-api-reference');
  return readFile(join(dirname(entry), 'js', 'standalone.js'));
}

const referencePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Policy Studio: HTTP interface</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="app"></div>
<script src="docs/reference.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Fonts, telemetry, the hosted client and its proxy would each ask another host. */
const startReference = `Scalar.createApiReference('#app', ${JSON.stringify(
  {
    url: 'openapi.json',
    telemetry: false,
    withDefaultFonts: false,
    hideClientButton: true,
    showDeveloperTools: 'never',
    proxyUrl: '',
    agent: { disabled: true },
    mcp: { disabled: true },
    defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
    documentDownloadType: 'json',
  },
  null,
  2,
)});
`;

function problemsPage(): string {
  const rows = Object.entries(problemCodes).map(
    ([code, { status, title }]) =>
      `<tr id="${code}"><td><a href="#${code}"><code>${code}</code></a></td><td>${status}</td><td>${withCode(title)}</td></tr>`,
  );
  return htmlPage(
    '../',
    'Policy Studio: problems',
    `<h1>Problems</h1>
<p>Every error is <code>application/problem+json</code> (RFC 9457). <code>code</code> is for programs, <code>detail</code> says
what is wrong and what to do, <code>errors</code> names each place, and <code>request_id</code> finds the request in the server log.</p>
<table>
<thead><tr><th>code</th><th>status</th><th>meaning</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<p><a href="../docs">HTTP interface</a></p>`,
  );
}
