import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { allOperations, operations } from '@policy-studio/contract';
import { expect, it } from 'vitest';
import { documents, type Page, root, sources } from './named.testkit.js';

/** Paths of the interface as they are asked for, parameters as `{}`. */
const offered = new Set(allOperations.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`));
const parts = [...offered].map((one) => one.split(' ')[1]?.split('/') ?? []);

/** A path that documents name: of an operation, or of the things that several are about. */
function isPath(path: string): boolean {
  const given = path.split('/');
  return parts.some((known) =>
    given.every((part, index) => {
      const other = known[index];
      return other !== undefined && (part === '...' || other === '{}' || part === other);
    }),
  );
}

const pathText = /\/(?:policy|access)\/[\w/{}.-]*/;
const cleaned = (path: string): string => path.replace(/[./]+$/, '').replaceAll(/\{\w+\}/g, '{}');

/** Of `GET /policy/x`: method and path; `{a|b}` and `a|b` are left to the reader. */
function unknownPaths({ path: where, text }: Page): string[] {
  const named = [
    ...text.matchAll(new RegExp(`(?:\\b(GET|POST|PUT|DELETE) )?(?<![\\w.])(${pathText.source})(?![\\w|{])`, 'g')),
  ];
  return named.flatMap(([, method, raw = '']) => {
    const path = cleaned(raw);
    const whole = method !== undefined && !raw.includes('...');
    const exact = path.replaceAll(/\/(?:\d+|[A-Z]+)(?=\/|$)/g, '/{}');
    const known = whole ? isOffered(method, exact) : isPath(path);
    return known ? [] : [`${where}: ${method ?? ''} ${raw}`];
  });
}

function isOffered(method: string, path: string): boolean {
  const given = path.split('/');
  return [...offered].some((one) => {
    const [verb, known = ''] = one.split(' ');
    const others = known.split('/');
    return (
      verb === method &&
      others.length === given.length &&
      others.every((other, index) => other === '{}' || other === given[index])
    );
  });
}

it('every path that documents and messages name is offered', () => {
  const pages = [...documents(), ...sources().filter(({ path }) => !path.startsWith('packages/contract'))];
  expect(pages.flatMap(unknownPaths)).toEqual([]);
  expect(
    unknownPaths({ path: 'x', text: 'see GET /policy/rollout, or `POST /policy/bundles/{id}/undo`' }),
  ).toHaveLength(2);
  expect(
    unknownPaths({ path: 'x', text: 'DELETE /policy/bundles/7 and `/policy/freeze-windows` or /policy/nowhere.' }),
  ).toEqual(['x:  /policy/nowhere.']);
});

it('every setting that documents name is one', () => {
  const { properties } = operations.getSettings.response;
  const known = new Set([
    ...Object.keys(properties),
    ...Object.keys(properties.gates.properties),
    ...Object.keys(properties.critical.properties),
  ]);
  const named = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/\b[Ss]ettings?,? ((?:`[a-z][a-z0-9_.]*`(?:, | and | or )?)+)/g)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ path, name: name.split('.').at(-1) ?? '' })),
    ),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !known.has(name))).toEqual([]);
});

it('every environment variable that documents name is read somewhere', () => {
  const readers = sources()
    .map(({ text }) => text)
    .join('\n');
  const named = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`/g)].map(([, name = '']) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter(({ name }) => !readers.includes(name))).toEqual([]);
});

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

it('every link of a document leads somewhere', () => {
  const lost = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : relative(root, join(root, dirname(path), file));
      if (!existsSync(join(root, target))) return [`${path}: ${link}`];
      if (anchor === undefined || !target.endsWith('.md')) return [];
      return anchorsOf(readFileSync(join(root, target), 'utf8')).has(anchor) ? [] : [`${path}: ${link}`];
    }),
  );
  expect(lost).toEqual([]);
});
