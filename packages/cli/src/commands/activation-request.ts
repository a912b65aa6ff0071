import type { Approval, PolicyStudioClient } from '@policy-studio/sdk';
import { type Command, Option } from 'commander';
import { unusable } from '../exit-code.js';
import { integerIn } from '../option-values.js';
import { moment, plural } from '../output.js';
import { findBundle } from './bundle-reference.js';

export interface RequestOptions {
  readonly justification: string;
  readonly pct: number;
  readonly risk: 'low' | 'medium' | 'high' | 'critical';
  readonly rollbackPlan: string;
  readonly expiresInHours: number;
  readonly onBreach: 'rollback' | 'hold';
}

/** Adds the options of a request for an approval of kind activation. */
export function requestOptions(command: Command): Command {
  return command
    .option('--justification <text>', 'why: what approvers read')
    .addOption(
      new Option(
        '--pct <n>',
        'the share of the traffic to begin with (default: 100, and so far a server takes no other)',
      ).argParser(integerIn('the share', 0, 100)),
    )
    .addOption(new Option('--risk <level>', 'the risk as you see it').choices(['low', 'medium', 'high', 'critical']))
    .option('--rollback-plan <text>', 'what to do when it goes wrong')
    .addOption(
      new Option('--expires-in-hours <n>', 'how long the request stands (default: 24)').argParser(
        integerIn('the hours', 1, 168),
      ),
    );
}

/** Asks people to approve bringing a bundle into force. Nothing else changes. */
export async function requestActivation(
  client: PolicyStudioClient,
  reference: string,
  options: Partial<RequestOptions>,
): Promise<Approval> {
  const { justification, pct = 100, risk, rollbackPlan, expiresInHours, onBreach } = options;
  if (justification === undefined || justification.trim() === '') {
    throw unusable('approvers need to know why: give --justification <text>');
  }
  const { id } = await findBundle(client, reference);
  return client.approvals.createApproval({
    kind: 'activation',
    bundle_id: id,
    initial_pct: pct,
    justification,
    ...(onBreach === undefined ? {} : { on_breach: onBreach }),
    ...(risk === undefined ? {} : { risk }),
    ...(rollbackPlan === undefined ? {} : { rollback_plan: rollbackPlan }),
    ...(expiresInHours === undefined ? {} : { expires_in_hours: expiresInHours }),
  });
}

/** What was asked and what comes next. */
export function requestText(approval: Approval): string {
  const { id, status, quorum, bundle_id: bundle, expires_at, four_eyes, prediction, asked } = approval;
  const who = four_eyes ? ', by somebody else than you' : '';
  return [
    `asked for approval ${id} (${status}): ${plural(quorum, 'approval')} needed${who}, until ${moment(expires_at)}`,
    ...(asked.length === 0 ? [] : [`  asked: ${asked.map(({ group }) => group).join(', ')}`]),
    ...(prediction === null ? [] : [`  ${prediction.sentence}`]),
    `  next:  policy-studio approvals approve ${id}`,
    `  then:  policy-studio bundles activate ${bundle ?? '<bundle>'} --approval ${id}`,
    '',
  ].join('\n');
}
