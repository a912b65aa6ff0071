import { jsonPointer, type ProblemItem, type Settings } from '@policy-studio/contract';
import { fixedCodes, hint, isTimeZone, type LintCode, lintCodes } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { Config } from '../../services.js';

/** What a workspace has chosen; nothing for what it left at its default. */
export type SettingValues = Partial<Omit<Settings, 'updated_at' | 'updated_by'>>;

/** Changing one of these takes a second person when four eyes is on. */
export const protectedSettings = [
  'default_effect',
  'time_zone',
  'four_eyes',
  'catalog',
  'enforce_context',
  'lint_severities',
] as const;

/** What the contract's schema does not say of settings that are to be: places and reasons, empty when they are sound. */
export function settingFaults({ time_zone: zone, lint_severities: severities }: SettingValues): ProblemItem[] {
  const faults = Object.keys(severities ?? {}).flatMap((code): ProblemItem[] => {
    const path = jsonPointer(['lint_severities', code]);
    if (!isLintCode(code)) return [{ path, message: `is no lint code${hint(code, lintCodes)}` }];
    return fixedCodes.has(code) ? [{ path, message: 'is always an error: such rules cannot be decided by' }] : [];
  });
  if (zone === undefined || isTimeZone(zone)) return faults;
  const message = 'is not a time zone known here; use an IANA name such as `Europe/Vienna`';
  return [{ path: '/time_zone', message }, ...faults];
}

function isLintCode(code: string): code is LintCode {
  return (lintCodes as readonly string[]).includes(code);
}

function settingDefaults(config: Pick<Config, 'fourEyesDefault'>): Required<SettingValues> {
  return {
    default_effect: 'deny',
    time_zone: 'UTC',
    four_eyes: config.fourEyesDefault,
    catalog: 'strict',
    enforce_context: true,
    lint_severities: {},
    cost_budget_24h: null,
    retention_days: 90,
    max_stale_minutes: 15,
  };
}

/**
 * The settings of a workspace, defaults filled in; `updated_at` and `updated_by` are null when it never set any.
 * Inside a transaction pass its client.
 */
export async function settingsOf(
  queryable: Pool | PoolClient,
  config: Pick<Config, 'fourEyesDefault'>,
  workspaceId: number,
): Promise<Settings> {
  const { rows } = await queryable.query<{ values: SettingValues; updated_at: Date; updated_by: string }>(
    'select "values", updated_at, updated_by from setting where workspace_id = $1',
    [workspaceId],
  );
  const row = rows[0];
  return {
    ...settingDefaults(config),
    ...row?.values,
    updated_at: row?.updated_at.toISOString() ?? null,
    updated_by: row?.updated_by ?? null,
  };
}
