import { domainsOf } from '../check.js';
import { hostWithin } from '../host.js';
import { type Normalize, normalized } from '../list.js';
import type { Atom } from './atom.js';

/** Hosts behave alike when they are within the domains of the same tests; this many of each kind are kept. */
const keptOfAKind = 8;

/** Domains that stand for all hosts some `domain_in` among the atoms accepts. */
export function domainsApart(atoms: readonly Atom[]): string[] {
  const sets = atoms.filter(({ role }) => role === 'host').map(domainsOfAtom);
  const kept: string[] = [];
  const kinds = new Map<string, number>();
  const seen = new Set<string>();
  for (const domains of sets) {
    for (const domain of domains) {
      if (seen.has(domain)) continue;
      seen.add(domain);
      let kind = '';
      for (const other of sets) kind += hostWithin(domain, other) ? '1' : '0';
      const known = kinds.get(kind) ?? 0;
      kinds.set(kind, known + 1);
      if (known < keptOfAKind) kept.push(domain);
    }
  }
  return kept;
}

function domainsOfAtom({ test: { operand }, resources }: Atom): ReadonlySet<string> {
  if (operand.kind === 'list') return resources.listDomains(operand.name);
  return operand.kind === 'values' ? domainsOf(operand.values) : new Set();
}

/** Texts whose host is the domain, and beginnings that settle the host whatever follows. */
export function textsWithHost(
  domain: string,
  beginnings: readonly string[],
  ends: readonly string[],
  fresh: string,
): { exact: string[]; anchors: string[] } {
  const anchors = [`https://${domain}/`, `http://${domain}/`];
  for (const text of beginnings) anchors.push(`${text}${domain}/`, `${text}.${domain}/`);
  const exact = [`https://${domain}/`, `${fresh}@${domain}`];
  for (const text of beginnings) exact.push(`${text}${domain}`, `${text}${fresh}@${domain}`);
  for (const text of ends) exact.push(`${fresh}${text}`, `https://${fresh}${text}`, `${fresh}@${text}`);
  return { exact, anchors };
}

const settledHost = /^(?:https?|wss?|ftp):\/\/[^/\\?#@\s]+[/?#]/;

/** Whether every text that begins so has the same host. */
export function settlesHost(anchor: string): boolean {
  return settledHost.test(anchor);
}

/** Letters that lower-case to another letter's lower case. */
const oddCapitals: Readonly<Record<string, string>> = {
  k: '\u212a',
  å: '\u212b',
  ω: '\u2126',
  θ: '\u03f4',
  ß: '\u1e9e',
};

/** Texts that a list with this declaration reads as the member, more of them than there are `others` to avoid. */
export function variantsOf(member: string, normalize: Normalize, others: ReadonlySet<string>, fresh: string): string[] {
  if (normalize === 'host') {
    const hosts = [`https://${member}/`, `https://${member}/${fresh}`, `${fresh}@${member}`, member.toUpperCase()];
    return [member, ...hosts].filter((text) => normalized(text, normalize) === member);
  }
  const cased = capitalizations(member, others).filter((text) => normalized(text, normalize) === member);
  if (normalize === 'lower') return cased;
  const padded = [' ', '\t', '\n', '  ', '\u00a0'].flatMap((pad) => [pad + member, member + pad]);
  return [...cased, ...padded];
}

/** The member in several capitalizations, until two are among no others. */
function capitalizations(member: string, others: ReadonlySet<string>): string[] {
  const letters: { at: number; length: number; capitals: string[] }[] = [];
  let at = 0;
  for (const letter of member) {
    const capitals = [letter.toUpperCase(), oddCapitals[letter] ?? letter].filter((each) => each !== letter);
    if (capitals.length > 0) letters.push({ at, length: letter.length, capitals });
    at += letter.length;
  }
  const found = new Set([member, member.toUpperCase()]);
  let unlike = [...found].filter((text) => !others.has(text)).length;
  let frontier = [member];
  for (const { at, length, capitals } of letters.reverse()) {
    const next: string[] = [];
    for (const text of frontier) {
      for (const capital of capitals) next.push(text.slice(0, at) + capital + text.slice(at + length));
    }
    for (const text of next) {
      if (!found.has(text) && !others.has(text)) unlike += 1;
      found.add(text);
    }
    if (unlike >= 2) break;
    frontier = [...frontier, ...next].slice(0, 256);
  }
  return [...found];
}
