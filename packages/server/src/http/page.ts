/** Content-Security-Policy of the plain pages: a style sheet from this server and nothing else. */
export const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The same for a page with a form that is sent to this server. */
export const formPagePolicy = pagePolicy.replace("form-action 'none'", "form-action 'self'");

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Code marks as in the problem texts: `` `x` `` becomes `<code>x</code>`. */
export function withCode(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

/** A plain page. `base` leads from it to the root, so that a path prefix of a proxy does no harm. */
export function htmlPage(base: string, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}docs/page.css">
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

export const pageStyle = `:root { color-scheme: light dark; --line: #d0d7de; --dim: #57606a; --soft: #f6f8fa; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --dim: #9198a1; --soft: #1c2128; --link: #6cb6ff; } body { background: #0f1318; color: #e6edf3; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { font-size: 1.75rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
p { margin: .4rem 0; }
.dim { color: var(--dim); }
a { color: var(--link); }
code, pre { font: .875em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: 4px; }
code { padding: .1em .3em; }
pre { padding: .8rem 1rem; overflow-x: auto; border: 1px solid var(--line); }
pre code { padding: 0; background: none; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:target { background: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; }
form { margin-top: 2rem; }
label { display: block; margin-bottom: .3rem; }
textarea { width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--line); border-radius: 4px; background: transparent; color: inherit; }
button { font: inherit; padding: .45rem 1.1rem; margin: .8rem .6rem 0 0; border: 1px solid var(--line); border-radius: 4px; background: var(--soft); color: inherit; cursor: pointer; }
dd { overflow-wrap: anywhere; min-width: 0; } dd pre { margin: 0; white-space: pre-wrap; }
@media (max-width: 30rem) { table { font-size: .875rem; } th, td { padding-right: .5rem; } }
`;
