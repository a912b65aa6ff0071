import { type Approval, approvalStatuses } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, printable, type Style, type Terminal, table } from '../output.js';
import { type RequestOptions, requestActivation, requestOptions, requestText } from './activation-request.js';
import { linkCommand } from './approval-links.js';
import { loadCommand } from './approval-load.js';
import { bundleArgument } from './bundle-reference.js';

export function approvalsCommand(terminal: Terminal): Command {
  const command = new Command('approvals').description('Requests to people, and their answers');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(requestCommand(terminal));
  command.addCommand(approveCommand(terminal));
  command.addCommand(rejectCommand(terminal));
  command.addCommand(cancelCommand(terminal));
  command.addCommand(commentCommand(terminal));
  command.addCommand(linkCommand(terminal));
  command.addCommand(loadCommand(terminal));
  return command;
}

interface ListOptions extends ConnectionOptions {
  readonly status?: Approval['status'];
  readonly limit: number;
  readonly mine?: boolean;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Approvals, newest first')
    .addOption(new Option('--status <status>', 'only these').choices(approvalStatuses))
    .option('--mine', 'only what waits for you to decide')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async ({ status, limit, mine, ...options }: ListOptions) => {
      const client = await connect(options, terminal);
      const page = await client.approvals.listApprovals({
        limit,
        ...(status === undefined ? {} : { status }),
        ...(mine === true ? { mine } : {}),
      });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.approvals.length === 0) return out.write(mine === true ? 'nothing waits for you\n' : 'no approvals\n');
      const columns = ['id', 'kind', 'status', 'votes', 'risk', 'bundle', 'requested by', 'expires', 'justification'];
      const rows = page.approvals.map((approval) => [
        String(approval.id),
        approval.kind,
        approval.status,
        `${approval.approvals_given}/${approval.quorum}`,
        approval.risk,
        approval.bundle_id === null ? '-' : String(approval.bundle_id),
        printable(clipped(approval.requested_by, 24)),
        moment(approval.expires_at),
        printable(clipped(approval.justification, 40)),
      ]);
      out.write(table(columns, rows, out.style));
      if (page.total > rows.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('One approval: what is asked, of whom, and what became of it')
    .argument('<id>', 'the approval', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.approvals.getApproval({ id }), options, terminal);
    });
}

function requestCommand(terminal: Terminal): Command {
  return requestOptions(connected(new Command('request')))
    .description('Ask people to approve bringing a bundle into force')
    .argument('<bundle>', bundleArgument)
    .action(async (reference: string, options: ConnectionOptions & Partial<RequestOptions>) => {
      const approval = await requestActivation(await connect(options, terminal), reference, options);
      terminal.out.write(options.json === true ? json(approval) : requestText(approval));
    });
}

function approveCommand(terminal: Terminal): Command {
  return connected(new Command('approve'))
    .description('Approve')
    .argument('<id>', 'the approval', idArgument)
    .option('--comment <text>', 'for the record')
    .action(async (id: number, options: ConnectionOptions & { comment?: string }) => {
      const { comment } = options;
      const client = await connect(options, terminal);
      print(await client.approvals.approve({ id, ...(comment === undefined ? {} : { comment }) }), options, terminal);
    });
}

function rejectCommand(terminal: Terminal): Command {
  return connected(new Command('reject'))
    .description('Reject')
    .argument('<id>', 'the approval', idArgument)
    .requiredOption('--comment <text>', 'why')
    .action(async (id: number, options: ConnectionOptions & { comment: string }) => {
      const client = await connect(options, terminal);
      print(await client.approvals.reject({ id, comment: options.comment }), options, terminal);
    });
}

function cancelCommand(terminal: Terminal): Command {
  return connected(new Command('cancel'))
    .description('Withdraw a request')
    .argument('<id>', 'the approval', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.approvals.cancelApproval({ id }), options, terminal);
    });
}

function commentCommand(terminal: Terminal): Command {
  return connected(new Command('comment'))
    .description('Say something about it, without a vote')
    .argument('<id>', 'the approval', idArgument)
    .argument('<text>', 'what')
    .action(async (id: number, comment: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.approvals.commentApproval({ id, comment }), options, terminal);
    });
}

function print(approval: Approval, { json: asJson }: ConnectionOptions, { out }: Terminal): void {
  out.write(asJson === true ? json(approval) : approvalText(approval, out.style));
}

function approvalText(approval: Approval, style: Style): string {
  const facts: [string, string][] = [
    ['approval', `${approval.id}, ${approval.kind}`],
    ['status', style.bold(approval.status)],
    ['votes', `${approval.approvals_given} of ${approval.quorum}${approval.self_approved ? ', self-approved' : ''}`],
    ...(approval.waits_for.length === 0
      ? []
      : [['waits for', printable(approval.waits_for.join(', and '))] as [string, string]]),
    ['bundle', approval.bundle_id === null ? '-' : String(approval.bundle_id)],
    ['share', approval.initial_pct === null ? '-' : `${approval.initial_pct} %`],
    ['risk', approval.risk],
    ['why', printable(approval.justification)],
    ['rollback', printable(approval.rollback_plan) || '-'],
    ['asked', `${moment(approval.created_at)} by ${printable(approval.requested_by)}`],
    ['expires', moment(approval.expires_at)],
    ['digest', approval.subject_digest],
  ];
  if (approval.prediction !== null) facts.push(['people', approval.prediction.sentence]);
  const asked = approval.asked.map((group): [string, string] => ['asked', askedText(group)]);
  const timeline = (approval.timeline ?? []).map(({ at, type, by, text }): [string, string] => {
    const who = by === null ? '' : ` by ${printable(by)}`;
    return ['', `${moment(at)}  ${type.replaceAll('_', ' ')}${who}${text === '' ? '' : `: ${printable(text)}`}`];
  });
  return [...facts, ...asked, ...timeline].map(([name, value]) => `${style.dim(name.padEnd(10))}${value}\n`).join('');
}

function askedText({ group, members_only, heard, escalated_at, escalated_to }: Approval['asked'][number]): string {
  const heardText = heard ? 'has approved' : members_only ? 'has to approve' : 'is asked';
  const wider = escalated_at === null ? '' : `, and now ${escalated_to ?? 'everybody who approves'} may for it`;
  return `${group} ${heardText}${wider}`;
}
