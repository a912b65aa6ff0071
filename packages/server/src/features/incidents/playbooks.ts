import type { Playbook } from '@policy-studio/contract';

/** Of every kind that the server opens by itself. */
export const playbooks: Readonly<Record<string, readonly Playbook[]>> = {
  rollback: [
    {
      title: 'After a rollback',
      steps: [
        'See that the bundle before is in force on every server: policy-studio status',
        'Look at the failed decisions of the withdrawn bundle: policy-studio decisions list --failed --bundle VERSION',
        'Replay the decisions named in the details: policy-studio decisions replay ID',
        'Correct the rules in a new version and simulate it on the recorded decisions before asking for approval',
        'Resolve this incident when the error and deny rates are back at their level before the activation',
      ],
      url: null,
    },
  ],
  no_previous_bundle: [
    {
      title: 'Nothing to go back to',
      steps: [
        'Know that the built-in safe bundle denies every request until another bundle is activated',
        'Tell the teams whose agents are stopped',
        'Activate the last bundle that was known to be good, or import it from an export',
        'Resolve this incident when agents are answered by that bundle',
      ],
      url: null,
    },
  ],
  rollback_target_unhealthy: [
    {
      title: 'The bundle before fails as well',
      steps: [
        'Do not roll back again: the fault is likely outside the rules',
        'Compare the failing decisions of both bundles: the same errors point at an agent, a tool or a list',
        'If agents do harm meanwhile, stop them: policy-studio emergency disable --effect deny --reason TEXT',
        'Activate a corrected version when the cause is known',
      ],
      url: null,
    },
  ],
  rollback_failed: [
    {
      title: 'A rollback did not go through',
      steps: [
        'Ask for it again: it may be repeated and changes nothing twice',
        'See which servers still enforce the bundle: policy-studio emergency status',
        'If the database is away, bring it back: servers decide from their last good copy until then',
        'If agents do harm meanwhile, take their keys away: policy-studio keys revoke ID',
      ],
      url: null,
    },
  ],
  rollout_held: [
    {
      title: 'A rollout waits',
      steps: [
        'Read the reasons of the hold with the rollout',
        'Telemetry: see that agents report outcomes and that decisions arrive',
        'Inconclusive: wait for more decisions, or widen the share by hand if the risk is small',
        'Environmental: stable fails as well; look for the fault outside the rules',
        'Resume the rollout, or roll it back if nobody can say why it waits',
      ],
      url: null,
    },
  ],
  budget_exhausted: [
    {
      title: 'A cap is reached',
      steps: [
        'See what is used of each cap, and by whom: policy-studio budgets',
        'Look at what the agent named in the details was allowed: policy-studio decisions list --effect allow',
        'A loop of one agent: take its key away (policy-studio keys revoke ID) or deny the action, then repair the agent',
        'Real demand: raise the cap in the settings; it holds at once, and what was used stays used',
        'Resolve this incident when requests are allowed again',
      ],
      url: null,
    },
  ],
  break_glass: [
    {
      title: 'Policy is switched off',
      steps: [
        'Tell everybody concerned that one effect holds for all requests, and until when',
        'Repair what made it necessary',
        'Switch policy on again as soon as possible: policy-studio emergency enable',
        'Review what was let through meanwhile: the log shows what policy would have decided',
      ],
      url: null,
    },
  ],
  bundle_pinned: [
    {
      title: 'A bundle is pinned',
      steps: [
        'See that every server decides by it: policy-studio emergency status',
        'Know that no gate watches a pinned bundle: look at what it denies with policy-studio decisions list',
        'If the bundle that it replaces did harm, roll that back: policy-studio rollouts rollback ID --reason TEXT',
        'End the pin as soon as the rollouts may decide again: policy-studio emergency unpin',
      ],
      url: null,
    },
  ],
  notifications_failing: [
    {
      title: 'Messages do not arrive',
      steps: [
        'Read the last error of the channel and send it a test message',
        'Renew its address or key if the receiver refuses it',
        'Watch approvals and incidents here until it works again: nobody is told of them',
      ],
      url: null,
    },
  ],
};

/** What to do about an incident of this kind; nothing for a kind of somebody else. */
export function playbooksFor(kind: string): readonly Playbook[] {
  return Object.hasOwn(playbooks, kind) ? (playbooks[kind] ?? []) : [];
}
