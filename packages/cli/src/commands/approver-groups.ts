import type { ApproverGroup } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { unusable } from '../exit-code.js';
import { integerIn } from '../option-values.js';
import { clipped, json, moment, printable, type Terminal, table } from '../output.js';

export function approverGroupsCommand(terminal: Terminal): Command {
  const command = new Command('approver-groups').description('Groups of approvers: who is asked for what');
  command.addCommand(listCommand(terminal));
  command.addCommand(putCommand(terminal));
  command.addCommand(deleteCommand(terminal));
  return command;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Groups of approvers, by name')
    .action(async (options: ConnectionOptions) => {
      const answer = await (await connect(options, terminal)).approvals.listApproverGroups();
      const { out } = terminal;
      if (options.json === true) return out.write(json(answer));
      if (answer.approver_groups.length === 0) return out.write('no groups: everybody who approves is asked\n');
      const columns = ['name', 'members', 'asked for', 'decides', 'reminded', 'escalates', 'pending', 'changed'];
      const rows = answer.approver_groups.map((group) => [
        group.name,
        printable(clipped(group.members.join(', '), 40)),
        askedForText(group.asked_for),
        group.members_only ? 'members only' : 'anybody who approves',
        group.remind_after_minutes === null ? '-' : `after ${group.remind_after_minutes} min`,
        escalationText(group),
        String(group.pending),
        moment(group.updated_at),
      ]);
      out.write(table(columns, rows, out.style));
    });
}

function askedForText({ kinds, min_risk: risk, agents, actions }: ApproverGroup['asked_for']): string {
  const parts = [
    ...(kinds ? [kinds.join(', ')] : []),
    ...(risk ? [`risk from ${risk}`] : []),
    ...(agents ? [`agents ${agents.join(', ')}`] : []),
    ...(actions ? [`actions ${actions.join(', ')}`] : []),
  ];
  return parts.length === 0 ? 'everything' : clipped(parts.join('; '), 50);
}

function escalationText({ escalate }: ApproverGroup): string {
  return escalate === null ? '-' : `after ${escalate.after_minutes} min to ${escalate.to ?? 'everybody who approves'}`;
}

interface PutOptions extends ConnectionOptions {
  readonly member: string[];
  readonly description?: string;
  readonly kind?: NonNullable<ApproverGroup['asked_for']['kinds']>;
  readonly minRisk?: NonNullable<ApproverGroup['asked_for']['min_risk']>;
  readonly agent?: string[];
  readonly action?: string[];
  readonly membersOnly?: boolean;
  readonly remindAfter?: number;
  readonly escalateAfter?: number;
  readonly escalateTo?: string;
}

const minutes = (what: string) => integerIn(what, 1, 10_080);

function putCommand(terminal: Terminal): Command {
  return connected(new Command('put'))
    .description('Create a group, or make it what the options say: what is left out has its default')
    .argument('<name>', 'the group')
    .requiredOption('--member <person...>', 'who belongs to it, as owners of keys')
    .option('--description <text>', 'what it is for')
    .addOption(new Option('--kind <kind...>', 'only for these').choices(['activation', 'list', 'settings', 'action']))
    .addOption(new Option('--min-risk <risk>', 'only from this risk').choices(['low', 'medium', 'high', 'critical']))
    .option('--agent <pattern...>', 'only for these agents, such as `billing.*`')
    .option('--action <pattern...>', 'only for these actions')
    .option('--members-only', 'nobody else decides what it is asked for, and one of it has to approve')
    .addOption(new Option('--remind-after <minutes>', 'when to remind it').argParser(minutes('the minutes')))
    .addOption(new Option('--escalate-after <minutes>', 'when others may too').argParser(minutes('the minutes')))
    .option('--escalate-to <group>', 'who then, or `everybody` who approves')
    .action(async (name: string, options: PutOptions) => {
      if ((options.escalateAfter === undefined) !== (options.escalateTo === undefined)) {
        throw unusable('--escalate-after and --escalate-to go together');
      }
      const { member, description, kind, minRisk, agent, action, remindAfter, escalateAfter, escalateTo } = options;
      const client = await connect(options, terminal);
      const group = await client.approvals.putApproverGroup({
        name,
        members: member,
        ...(description === undefined ? {} : { description }),
        asked_for: {
          ...(kind === undefined ? {} : { kinds: kind }),
          ...(minRisk === undefined ? {} : { min_risk: minRisk }),
          ...(agent === undefined ? {} : { agents: agent }),
          ...(action === undefined ? {} : { actions: action }),
        },
        members_only: options.membersOnly === true,
        ...(remindAfter === undefined ? {} : { remind_after_minutes: remindAfter }),
        ...(escalateAfter === undefined || escalateTo === undefined
          ? {}
          : { escalate: { after_minutes: escalateAfter, to: escalateTo === 'everybody' ? null : escalateTo } }),
      });
      const done = `${group.name}: ${printable(group.members.join(', '))}, asked for ${askedForText(group.asked_for)}\n`;
      terminal.out.write(options.json === true ? json(group) : done);
    });
}

function deleteCommand(terminal: Terminal): Command {
  return connected(new Command('delete'))
    .description('Ask a group no more')
    .argument('<name>', 'the group')
    .action(async (name: string, options: ConnectionOptions) => {
      await (await connect(options, terminal)).approvals.deleteApproverGroup({ name });
      terminal.out.write(options.json === true ? json({ deleted: name }) : `deleted ${printable(name)}\n`);
    });
}
