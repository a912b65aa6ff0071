import type { LintReport } from '@policy-studio/contract';
import { type Catalog, canonicalJson, type LintOptions } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { CatalogText } from '../../compute/catalog-text.js';
import type { TaskInput, TaskOutput } from '../../compute/compute.js';
import type { Linted, LintSetup, ListsAnswer, ListsQuestion, RulesText } from '../../compute/tasks/lint.js';
import type { Refusal } from '../../refusal.js';
import type { Config, Services } from '../../services.js';
import { storedCatalog } from '../catalog/queries.js';
import { listDigests, listNames, listTexts } from '../lists/queries.js';
import { settingsOf } from '../settings/queries.js';

/** Grows when the same rules may get other findings from a newer version of the product. */
const edition = 2;

/** What findings are made with, besides the lists that the rules read. */
export interface LintBasis {
  /** Names it: findings with another stamp are out of date. */
  readonly stamp: string;
  readonly setup: LintSetup;
}

/** The basis as it stands. Inside a transaction pass its client. */
export async function lintBasis(
  db: Pool | PoolClient,
  config: Pick<Config, 'fourEyesDefault'>,
  workspaceId: number,
): Promise<LintBasis> {
  const settings = await settingsOf(db, config, workspaceId);
  const { catalog, stamp } = await storedCatalog(db, workspaceId);
  const chosen = {
    defaultEffect: settings.default_effect,
    catalogMode: settings.catalog,
    enforceContext: settings.enforce_context,
    severities: settings.lint_severities as LintOptions['severities'],
  };
  return {
    stamp: canonicalJson({ edition, ...chosen, catalog: stamp }),
    setup: { ...chosen, catalog: catalogText(catalog, stamp) },
  };
}

/** Texts of catalogs, which are one object while they do not change. */
const texts = new WeakMap<Catalog, string>();

export function catalogText(catalog: Catalog, stamp: string): CatalogText {
  const text = texts.get(catalog) ?? JSON.stringify(catalog);
  texts.set(catalog, text);
  return { stamp, text };
}

/** Whether findings made with this basis and these lists hold as of now. */
export async function isCurrent(
  db: Pool | PoolClient,
  workspaceId: number,
  { stamp }: LintBasis,
  made: { readonly lint_basis: string; readonly lists_read: Linted['listsRead'] },
): Promise<boolean> {
  if (made.lint_basis !== stamp) return false;
  const digests = await listDigests(db, workspaceId, Object.keys(made.lists_read));
  return Object.entries(made.lists_read).every(([name, digest]) => (digests.get(name) ?? null) === digest);
}

/** Answers the questions of the tasks that read rules: the workspace's lists as they stand. A client of a transaction must be left alone meanwhile. */
export function listsFor(db: Pool | PoolClient, workspaceId: number): (question: unknown) => Promise<ListsAnswer> {
  return async (question) => {
    const wanted = (question as ListsQuestion).lists;
    const lists = await listTexts(db, workspaceId, wanted);
    const members = lists.map(
      ({ name, text, normalize }) =>
        `${JSON.stringify(name)}:{"values":${text}${normalize === null ? '' : `,"normalize":"${normalize}"`}}`,
    );
    return {
      text: `{${members.join(',')}}`,
      digests: Object.fromEntries(lists.map(({ name, digest }) => [name, digest])),
      otherNames: lists.length === wanted.length ? [] : await listNames(db, workspaceId),
    };
  };
}

/** Lints rules in another thread, with the lists, the catalog and the settings of the workspace as they stand. */
export async function lintNow(
  { db, config, compute }: Pick<Services, 'db' | 'config' | 'compute'>,
  workspaceId: number,
  source: RulesText,
): Promise<(Pick<Linted, 'listsRead'> & { readonly report: LintReport; readonly basis: LintBasis }) | Refusal> {
  const basis = await lintBasis(db.pool, config, workspaceId);
  const linted = await compute.run(
    'lint',
    { source, setup: basis.setup },
    { share: workspaceId, onAsk: listsFor(db.pool, workspaceId) },
  );
  if (!('report' in linted)) return linted;
  // The engine's own type, which is read-only throughout.
  return { listsRead: linted.listsRead, report: linted.report as LintReport, basis };
}

/** As `lintNow`, of the rules in a request to save them: what keeps them from it comes instead. */
export async function checkNow(
  { db, config, compute }: Pick<Services, 'db' | 'config' | 'compute'>,
  workspaceId: number,
  text: TaskInput<'check-bundle'>['text'],
): Promise<{ readonly checked: TaskOutput<'check-bundle'>; readonly basis: LintBasis } | Refusal> {
  const basis = await lintBasis(db.pool, config, workspaceId);
  const checked = await compute.run(
    'check-bundle',
    { text, setup: basis.setup },
    { share: workspaceId, onAsk: listsFor(db.pool, workspaceId) },
  );
  return 'count' in checked ? { checked, basis } : checked;
}
