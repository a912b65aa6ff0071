/** Content-Security-Policy of the plain pages: a style sheet from this server and nothing else. */
export const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
export function htmlPage(base: string, title: string, body: string, look: 'wide' | 'panel' = 'wide'): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/svg+xml" href="${base}icon.svg">
<link rel="stylesheet" href="${base}docs/page.css">
</head>
<body>
<main class="${look}">
${body}
</main>
</body>
</html>
`;
}

/** The colours of the Studio, without its fonts: these pages load nothing but this. */
export const pageStyle = `:root { color-scheme: light dark; --ink: #16181d; --line: #e9ebee; --edge: #d5d9df; --dim: #5c636b; --soft: #f3f4f6; --link: #3b5bdb; --sheet: #fff; --behind: #f8f9fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --line: #2a2d35; --edge: #3a3e48; --dim: #9aa0ac; --soft: #20232a; --link: #8ea3ff; --sheet: #17191f; --behind: #111318; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 Inter, system-ui, sans-serif; background: var(--sheet); color: var(--ink); overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { font-size: 1.35rem; line-height: 1.4; letter-spacing: -.015em; margin: 0 0 .25rem; }
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
textarea { width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--edge); border-radius: 6px; background: transparent; color: inherit; }
button { font: inherit; font-weight: 550; padding: .4rem 1rem; margin: .8rem .6rem 0 0; border: 1px solid var(--edge); border-radius: 6px; background: var(--sheet); color: inherit; cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
body:has(.panel) { background: var(--behind); }
.panel { max-width: 24.5rem; padding-top: max(2rem, 16vh); }
.panel::before { content: ''; display: block; width: 36px; height: 36px; margin-bottom: 1.25rem; background: url(../icon.svg) center / contain; }
.panel form { margin-top: 1.25rem; }
.panel label { font-weight: 600; }
.panel input { width: 100%; font: inherit; padding: .4rem .6rem; border: 1px solid var(--edge); border-radius: 6px; background: var(--sheet); color: inherit; }
.panel button { width: 100%; margin-right: 0; background: #3b5bdb; border-color: #3b5bdb; color: #fff; }
.panel [role='alert'] { color: #c92a2a; }
@media (prefers-color-scheme: dark) { .panel [role='alert'] { color: #ff7b7b; } }
dd { overflow-wrap: anywhere; min-width: 0; } dd pre { margin: 0; white-space: pre-wrap; }
@media (max-width: 30rem) { table { font-size: .875rem; } th, td { padding-right: .5rem; } }
`;
