import { type Cap, jsonPointer, type ProblemItem, type Settings } from '@policy-studio/contract';
import { fixedCodes, hint, isTimeZone, type LintCode, lintCodes } from '@policy-studio/engine';
import type { Pool, PoolClient } from 'pg';
import type { Config } from '../../services.js';

/** What a workspace has chosen; nothing for what it left at its default. */
export type SettingValues = Partial<Omit<Settings, 'updated_at' | 'updated_by'>>;
/** What is to be set: of `gates` and `critical` only the limits that change. */
export type SettingChange = Omit<SettingValues, 'gates' | 'critical'> & {
  readonly gates?: Partial<Settings['gates']>;
  readonly critical?: Partial<Settings['critical']>;
};

/** Changing one of these takes a second person when four eyes is on. */
export const protectedSettings = [
  'default_effect',
  'time_zone',
  'four_eyes',
  'catalog',
  'enforce_context',
  'require_evidence',
  'lint_severities',
  'gates',
  'critical',
] as const;

/** What the contract's schema does not say of settings that are to be: places and reasons, empty when they are sound. */
export function settingFaults({
  time_zone: zone,
  lint_severities: severities,
  steps,
  caps,
}: SettingChange): ProblemItem[] {
  const faults = [...stepFaults(steps), ...severityFaults(severities), ...capFaults(caps)];
  if (zone === undefined || isTimeZone(zone)) return faults;
  const message = 'is not a time zone known here; use an IANA name such as `Europe/Vienna`';
  return [{ path: '/time_zone', message }, ...faults];
}

function stepFaults(steps: readonly number[] = [100]): ProblemItem[] {
  const rising = steps.every((step, index) => index === 0 || step > (steps[index - 1] ?? 0));
  if (!rising) return [{ path: '/steps', message: 'must ascend: each step is larger than the one before' }];
  return steps.at(-1) === 100 ? [] : [{ path: '/steps', message: 'must end with 100' }];
}

/** What is limited twice, or not at all, is a slip of the pen. */
function capFaults(caps: readonly Cap[] = []): ProblemItem[] {
  const places = new Map<string, number>();
  return caps.flatMap((cap, place): ProblemItem[] => {
    const path = `/caps/${place}`;
    const faults: ProblemItem[] = [];
    if (cap.spend === undefined && cap.calls === undefined) {
      faults.push({ path, message: 'must limit `spend` or `calls`' });
    }
    if (cap.agent !== undefined && cap.scope !== 'agent') {
      faults.push({ path: `${path}/agent`, message: 'is for the scope `agent` alone; leave it out' });
      return faults;
    }
    const account = JSON.stringify([cap.scope, cap.agent ?? '*']);
    const earlier = places.get(account);
    if (earlier === undefined) places.set(account, place);
    else faults.push({ path, message: `limits the same as \`/caps/${earlier}\`; make one of the two` });
    return faults;
  });
}

/** A limit that lets a rollout go on may not lie above the one that ends it. Both as they are to be. */
export function limitFaults({ gates, critical }: Pick<Settings, 'gates' | 'critical'>): ProblemItem[] {
  const names = ['max_error_rate', 'max_deny_rate', 'max_cost_increase'] as const;
  return names
    .filter((name) => critical[name] < gates[name])
    .map((name) => ({
      path: `/critical/${name}`,
      message: `must be at least \`gates.${name}\`: ${critical[name]} is below ${gates[name]}`,
    }));
}

function severityFaults(severities: SettingChange['lint_severities']): ProblemItem[] {
  return Object.keys(severities ?? {}).flatMap((code): ProblemItem[] => {
    const path = jsonPointer(['lint_severities', code]);
    if (!isLintCode(code)) return [{ path, message: `is no lint code${hint(code, lintCodes)}` }];
    return fixedCodes.has(code) ? [{ path, message: 'is always an error: such rules cannot be decided by' }] : [];
  });
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
    require_evidence: false,
    lint_severities: {},
    steps: [10, 50, 100],
    dwell_hours: 24,
    gates: { max_error_rate: 0.05, max_deny_rate: 0.3, max_cost_increase: 0.2, min_sample_size: 100 },
    critical: {
      max_error_rate: 0.1,
      max_deny_rate: 0.5,
      max_cost_increase: 0.5,
      max_no_match_increase: 0.2,
      max_spend_24h: null,
    },
    cost_budget_24h: null,
    caps: [],
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
