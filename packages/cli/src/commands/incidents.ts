import { type Incident, type IncidentSummary, incidentStatuses, risks } from '@policy-studio/sdk';
import { Command, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { idArgument, integerIn } from '../option-values.js';
import { clipped, count, json, moment, plural, printable, type Style, shown, type Terminal, table } from '../output.js';
import { writeMade } from './write-file.js';

export function incidentsCommand(terminal: Terminal): Command {
  const command = new Command('incidents').description('What went wrong, and who looks after it');
  command.addCommand(listCommand(terminal));
  command.addCommand(showCommand(terminal));
  command.addCommand(openCommand(terminal));
  for (const step of steps) command.addCommand(stepCommand(step, terminal));
  command.addCommand(commentCommand(terminal));
  command.addCommand(assignCommand(terminal));
  command.addCommand(postMortemCommand(terminal));
  return command;
}

interface ListOptions extends ConnectionOptions {
  readonly status?: Incident['status'];
  readonly severity?: Incident['severity'];
  readonly all?: boolean;
  readonly limit: number;
}

function listCommand(terminal: Terminal): Command {
  return connected(new Command('list'))
    .description('Incidents that are not resolved, newest first')
    .addOption(new Option('--status <status>', 'only these, resolved ones too').choices(incidentStatuses))
    .addOption(new Option('--severity <severity>', 'only these').choices(risks))
    .option('--all', 'those that are resolved or closed too')
    .addOption(new Option('--limit <n>', 'how many').default(20).argParser(integerIn('the limit', 1, 200)))
    .action(async ({ status, severity, all, limit, ...options }: ListOptions) => {
      const client = await connect(options, terminal);
      const page = await client.incidents.listIncidents({
        limit,
        unresolved_only: all !== true && status === undefined,
        ...(status === undefined ? {} : { status }),
        ...(severity === undefined ? {} : { severity }),
      });
      const { out } = terminal;
      if (options.json === true) return out.write(json(page));
      if (page.incidents.length === 0) return out.write('no incidents\n');
      const columns = ['id', 'severity', 'status', 'kind', 'seen', 'last', 'assigned to', 'summary'];
      out.write(table(columns, page.incidents.map(listed), out.style));
      if (page.total > page.incidents.length) out.write(`${count(page.total)} in all; --limit shows more\n`);
    });
}

function listed(incident: IncidentSummary): string[] {
  return [
    String(incident.id),
    incident.severity,
    incident.status,
    printable(clipped(incident.kind, 24)),
    count(incident.occurrences),
    moment(incident.last_seen_at),
    incident.assigned_to === null ? '-' : printable(clipped(incident.assigned_to, 24)),
    printable(clipped(incident.summary, 60)),
  ];
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('One incident with its playbooks and timeline')
    .argument('<id>', 'the incident', idArgument)
    .action(async (id: number, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.incidents.getIncident({ id }), options, terminal);
    });
}

interface OpenOptions extends ConnectionOptions {
  readonly severity: Incident['severity'];
  readonly kind?: string;
  readonly key?: string;
  readonly unrelated?: boolean;
}

function openCommand(terminal: Terminal): Command {
  return connected(new Command('open'))
    .description('Open an incident, or add to the one of its key')
    .argument('<summary>', 'what went wrong, on one line')
    .addOption(
      new Option('--severity <severity>', 'high and critical may roll a fresh activation back')
        .choices(risks)
        .makeOptionMandatory(),
    )
    .option('--kind <kind>', 'what kind of thing, such as mail_lost')
    .option('--key <key>', 'what is one trouble has one key; left out: an incident of its own')
    .option('--unrelated', 'it has nothing to do with policy: roll nothing back because of it')
    .action(async (summary: string, { severity, kind, key, unrelated, ...options }: OpenOptions) => {
      const client = await connect(options, terminal);
      const incident = await client.incidents.createIncident({
        summary,
        severity,
        ...(kind === undefined ? {} : { kind }),
        ...(key === undefined ? {} : { key }),
        ...(unrelated === true ? { tied_to_policy: false } : {}),
      });
      print(incident, options, terminal);
    });
}

const steps = [
  { name: 'acknowledge', alias: 'ack', operation: 'acknowledgeIncident', says: 'Say that you look after it' },
  { name: 'mitigate', alias: null, operation: 'mitigateIncident', says: 'Say that it does no more harm' },
  { name: 'resolve', alias: null, operation: 'resolveIncident', says: 'Say that its cause is gone' },
  { name: 'close', alias: null, operation: 'closeIncident', says: 'Close what is resolved' },
] as const;

function stepCommand({ name, alias, operation, says }: (typeof steps)[number], terminal: Terminal): Command {
  const command = connected(new Command(name))
    .description(says)
    .argument('<id>', 'the incident', idArgument)
    .option('--comment <text>', 'for the timeline')
    .action(async (id: number, { comment, ...options }: ConnectionOptions & { comment?: string }) => {
      const client = await connect(options, terminal);
      const incident = await client.incidents[operation]({ id, ...(comment === undefined ? {} : { comment }) });
      print(incident, options, terminal);
    });
  return alias === null ? command : command.alias(alias);
}

function commentCommand(terminal: Terminal): Command {
  return connected(new Command('comment'))
    .description('Add to the timeline')
    .argument('<id>', 'the incident', idArgument)
    .argument('<text>', 'what there is to say')
    .action(async (id: number, comment: string, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.incidents.commentIncident({ id, comment }), options, terminal);
    });
}

function assignCommand(terminal: Terminal): Command {
  return connected(new Command('assign'))
    .description('Say who looks after it')
    .argument('<id>', 'the incident', idArgument)
    .argument('[who]', 'a person or a team; left out: nobody')
    .action(async (id: number, who: string | undefined, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      print(await client.incidents.assignIncident({ id, assigned_to: who ?? null }), options, terminal);
    });
}

function postMortemCommand(terminal: Terminal): Command {
  return connected(new Command('post-mortem'))
    .description('A draft of the post-mortem, in Markdown')
    .argument('<id>', 'the incident', idArgument)
    .option('-o, --output <file>', 'write it there')
    .option('--force', 'overwrite a file that is there')
    .action(
      async (id: number, { output, force, ...options }: ConnectionOptions & { output?: string; force?: boolean }) => {
        const client = await connect(options, terminal);
        const make = async () => {
          const draft = await client.incidents.getPostMortem({ id });
          return { text: options.json === true ? json(draft) : draft.markdown, made: draft };
        };
        if (output === undefined) {
          const { text } = await make();
          return terminal.out.write(options.json === true ? text : text.split('\n').map(printable).join('\n'));
        }
        await writeMade(output, { force: force === true }, make);
      },
    );
}

function print(incident: Incident, { json: asJson }: ConnectionOptions, { out }: Terminal): void {
  out.write(asJson === true ? json(incident) : incidentText(incident, out.style));
}

function incidentText(incident: Incident, style: Style): string {
  const facts: [string, string][] = [
    ['incident', `${incident.id}, ${printable(incident.kind)} (${printable(incident.key)})`],
    ['summary', style.bold(printable(incident.summary))],
    ['severity', incident.severity],
    ['status', style.bold(incident.status)],
    ['assigned', incident.assigned_to === null ? 'to nobody' : `to ${printable(incident.assigned_to)}`],
    ['opened', `${moment(incident.created_at)} by ${printable(incident.created_by)}`],
    ['seen', `${plural(incident.occurrences, 'time')}, last ${moment(incident.last_seen_at)}`],
    ...Object.entries(incident.details).map(([name, value]): [string, string] => [
      'detail',
      `${printable(name)}: ${typeof value === 'string' ? printable(clipped(value, 400)) : shown(value, 400)}`,
    ]),
    ['can be', incident.allowed_actions.map((action) => passive[action]).join(', ')],
  ];
  const lines = facts.map(([name, value]) => `${style.dim(name.padEnd(10))}${value}\n`);
  const books = incident.playbooks.flatMap(({ title, steps: tasks, url }) => [
    `\n${style.bold(printable(title))}${url === null ? '' : ` (${printable(url)})`}\n`,
    ...tasks.map((task, index) => `  ${index + 1}. ${printable(task)}\n`),
  ]);
  const missing = incident.timeline_total - incident.timeline.length;
  const timeline = [
    `\n${style.bold('timeline')}${missing > 0 ? ` without ${plural(missing, 'earlier entry', 'earlier entries')}` : ''}\n`,
    ...incident.timeline.map((entry) => `  ${entryText(entry)}\n`),
  ];
  return [...lines, ...books, ...timeline].join('');
}

const passive = {
  acknowledge: 'acknowledged',
  mitigate: 'mitigated',
  resolve: 'resolved',
  close: 'closed',
  comment: 'commented',
  assign: 'assigned',
} as const;

function entryText({ at, actor, type, text, data }: Incident['timeline'][number]): string {
  const times = typeof data.count === 'number' ? ` ${plural(data.count, 'time')}` : '';
  const change = typeof data.from === 'string' ? ` from ${printable(data.from)} to ${printable(String(data.to))}` : '';
  const to = data.assigned_to === null ? 'nobody' : printable(String(data.assigned_to));
  const assigned = data.assigned_to === undefined ? '' : `${type === 'assigned' ? '' : ', assigned'} to ${to}`;
  const said = text === '' ? '' : `: ${printable(text)}`;
  return `${moment(at)}  ${type}${times}${change}${assigned} by ${printable(actor)}${said}`;
}
