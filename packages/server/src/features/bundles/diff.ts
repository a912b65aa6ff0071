import type { DiffInput, RecordsQuestion } from '../../compute/tasks/diff-bundles.js';
import type { ListsQuestion } from '../../compute/tasks/lint.js';
import type { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { countRecorded, recordedPages } from '../decisions/queries.js';
import { lintBasis, listsFor } from '../lint/queries.js';
import { settingsOf } from '../settings/queries.js';
import { rulesText } from './queries.js';
import { noBundle } from './refusals.js';

/** Recorded requests looked at, the newest first. */
const maxRecorded = 10_000;
const dayMs = 24 * 3600 * 1000;

/** What changes from bundle `a` to `b`, as the JSON of a `BundleDiff`; with the recorded requests of the last days. */
export async function diffOf(
  services: Services,
  workspaceId: number,
  { a, b, days }: { a: number; b: number; days: number },
): Promise<Uint8Array | Refusal> {
  const { db, config, clock, compute } = services;
  const texts = await rulesText(db.pool, workspaceId, [a, b]);
  const [before, after] = [texts.get(a), texts.get(b)];
  if (!before) return noBundle(a);
  if (!after) return noBundle(b);
  const { setup } = await lintBasis(db.pool, config, workspaceId);
  const { time_zone: timeZone } = await settingsOf(db.pool, config, workspaceId);
  const now = clock.now().getTime();
  // The millisecond of now counts.
  const window = { fromMs: now - days * dayMs, toMs: now + 1 };
  const total = days === 0 ? 0 : await countRecorded(db.pool, workspaceId, window, maxRecorded);
  const nextPage = recordedPages(db.pool, workspaceId, window, total);
  const lists = listsFor(db.pool, workspaceId);
  const { defaultEffect, catalog, enforceContext } = setup;
  const input: DiffInput = {
    a: before,
    b: after,
    defaultEffect,
    catalog,
    enforceContext,
    days,
    feed: { total, timeZone },
  };
  return compute.run('diff-bundles', input, {
    share: workspaceId,
    onAsk: (question) => ('lists' in (question as ListsQuestion | RecordsQuestion) ? lists(question) : nextPage()),
  });
}
