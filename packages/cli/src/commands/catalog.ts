import { Command, InvalidArgumentError, Option } from 'commander';
import { type ConnectionOptions, connect, connected } from '../connection.js';
import { exitCodes, unusable } from '../exit-code.js';
import { parseDocumentText, readText } from '../input.js';
import { clipped, count, json, plural, printable, share, type Terminal, table } from '../output.js';
import type { Outcome } from '../program.js';

export function catalogCommand(terminal: Terminal, outcome: Outcome): Command {
  const command = new Command('catalog').description('The agents and actions that a server knows');
  command.addCommand(showCommand(terminal));
  command.addCommand(putAgentCommand(terminal));
  command.addCommand(deleteAgentCommand(terminal));
  command.addCommand(putActionCommand(terminal));
  command.addCommand(deleteActionCommand(terminal));
  command.addCommand(importCommand(terminal, outcome));
  return command;
}

function showCommand(terminal: Terminal): Command {
  return connected(new Command('show'))
    .description('Agents and actions, or one action with its schema')
    .argument('[action]', 'the action; without one, all')
    .action(async (name: string | undefined, options: ConnectionOptions) => {
      const client = await connect(options, terminal);
      const { out } = terminal;
      if (name !== undefined) return out.write(json(await client.catalog.getCatalogAction({ action: name })));
      const catalog = await client.catalog.getCatalog();
      if (options.json === true) return out.write(json(catalog));
      const agents = catalog.agents.map(({ agent, mode, description }) => [
        agent,
        mode === 'observe' ? 'only observed' : 'enforced',
        printable(clipped(description, 60)),
      ]);
      out.write(table([{ title: 'agent' }, { title: 'mode' }, { title: '' }], agents, out.style));
      const uncovered = new Set(catalog.coverage.uncovered);
      const columns = [
        { title: 'action' },
        { title: 'agents' },
        { title: 'schema' },
        { title: 'risk' },
        { title: 'cost', align: 'right' as const },
        { title: 'decided by a rule' },
      ];
      const rows = catalog.actions.map(({ action, agents: users, context_schema: schema, risk, cost }) => [
        action,
        clipped(users === null ? 'all' : users.join(', '), 40),
        schema === null ? '-' : 'yes',
        risk ?? '-',
        cost === null ? '-' : String(cost),
        uncovered.has(action) ? 'no' : 'yes',
      ]);
      const { actions, covered } = catalog.coverage;
      out.write(`\n${table(columns, rows, out.style)}`);
      out.write(`\n${count(covered)} of ${plural(actions, 'action')} covered (${share(covered, actions)})\n`);
    });
}

interface DescriptionOptions extends ConnectionOptions {
  readonly description?: string;
}

interface PutAgentOptions extends DescriptionOptions {
  readonly mode?: 'enforce' | 'observe';
}

function putAgentCommand(terminal: Terminal): Command {
  return connected(new Command('put-agent'))
    .description('Add an agent, describe it, or only observe it')
    .argument('<agent>', 'its name, such as inbox.triage')
    .option('--description <text>', 'what it does')
    .addOption(
      new Option('--mode <mode>', 'observe: decide and record, but answer allow').choices(['enforce', 'observe']),
    )
    .action(async (agent: string, { description, mode, ...options }: PutAgentOptions) => {
      const client = await connect(options, terminal);
      const kept = await client.catalog.putCatalogAgent({
        agent,
        ...(description === undefined ? {} : { description }),
        ...(mode === undefined ? {} : { mode }),
      });
      const only = kept.mode === 'observe' ? ', and only observed: it is answered allow whatever is decided' : '';
      terminal.out.write(options.json === true ? json(kept) : `${kept.agent} is in the catalog${only}\n`);
    });
}

function deleteAgentCommand(terminal: Terminal): Command {
  return connected(new Command('delete-agent'))
    .description('Remove an agent that no action is kept for alone')
    .argument('<agent>', 'its name')
    .action(async (agent: string, options: ConnectionOptions) => {
      await (await connect(options, terminal)).catalog.deleteCatalogAgent({ agent });
      terminal.out.write(options.json === true ? json({ deleted: agent }) : `deleted ${printable(agent)}\n`);
    });
}

interface PutActionOptions extends DescriptionOptions {
  readonly agents?: readonly string[];
  readonly allAgents?: boolean;
  readonly schema?: string;
  readonly risk?: 'low' | 'medium' | 'high' | 'critical';
  readonly cost?: number;
}

function putActionCommand(terminal: Terminal): Command {
  return connected(new Command('put-action'))
    .description('Add an action, or change what is given of it')
    .argument('<action>', 'its name, such as github.create_issue')
    .addOption(new Option('--agents <names>', 'who may use it: names or patterns, with commas').argParser(names))
    .addOption(new Option('--all-agents', 'every agent may use it').conflicts('agents'))
    .option('--schema <file>', 'a JSON Schema of its context: .json, .yaml, .yml, or -')
    .addOption(new Option('--risk <level>', 'how bad it can be').choices(['low', 'medium', 'high', 'critical']))
    .addOption(new Option('--cost <usd>', 'reserved when a rule states no cost').argParser(usd))
    .option('--description <text>', 'what it does')
    .action(async (action: string, options: PutActionOptions) => {
      const { agents, allAgents, schema: path, risk, cost, description } = options;
      if (path === '-' && options.tokenFile === '-') throw unusable('only one of --schema and --token-file can be -');
      const schema = path === undefined ? undefined : await readSchema(path, terminal);
      const client = await connect(options, terminal);
      const kept = await client.catalog.putCatalogAction({
        action,
        ...(allAgents === true ? { agents: null } : agents === undefined ? {} : { agents: [...agents] }),
        ...(schema === undefined ? {} : { context_schema: schema }),
        ...(risk === undefined ? {} : { risk }),
        ...(cost === undefined ? {} : { cost }),
        ...(description === undefined ? {} : { description }),
      });
      terminal.out.write(options.json === true ? json(kept) : `${kept.action} is in the catalog\n`);
    });
}

function deleteActionCommand(terminal: Terminal): Command {
  return connected(new Command('delete-action'))
    .description('Remove an action')
    .argument('<action>', 'its name')
    .action(async (action: string, options: ConnectionOptions) => {
      await (await connect(options, terminal)).catalog.deleteCatalogAction({ action });
      terminal.out.write(options.json === true ? json({ deleted: action }) : `deleted ${printable(action)}\n`);
    });
}

interface ImportOptions extends ConnectionOptions {
  readonly agent: string;
  readonly prefix?: string;
}

function importCommand(terminal: Terminal, outcome: Outcome): Command {
  return connected(new Command('import'))
    .description('Add the tools of an MCP server as actions of an agent')
    .argument('<file>', 'what it answers to tools/list: .json, .yaml, .yml, or -')
    .requiredOption('--agent <name>', 'the agent that uses them')
    .option('--prefix <name>', 'goes before each action: github for github.create_issue')
    .action(async (path: string, options: ImportOptions) => {
      const { agent, prefix } = options;
      if (path === '-' && options.tokenFile === '-') throw unusable('only one of the file and --token-file can be -');
      const tools = parseDocumentText(await readText(path, terminal));
      const client = await connect(options, terminal);
      const done = await client.catalog.importCatalog({
        format: 'mcp',
        agent,
        tools,
        ...(prefix === undefined ? {} : { prefix }),
      });
      if (done.refused.length > 0) outcome.exitCode = exitCodes.findings;
      const { out, err } = terminal;
      if (options.json === true) return out.write(json(done));
      for (const action of done.imported) out.write(`${out.style.green('added')}    ${action}\n`);
      for (const action of done.updated) out.write(`${out.style.yellow('updated')}  ${action}\n`);
      for (const { name, reason } of done.refused) {
        err.write(
          `${err.style.red('refused')}  ${printable(clipped(name ?? '(no name)', 80))}: ${printable(reason)}\n`,
        );
      }
      const { imported, updated, unchanged, refused } = done;
      out.write(
        `${count(imported.length)} added, ${count(updated.length)} updated, ${count(unchanged.length)} unchanged, ${count(refused.length)} refused\n`,
      );
    });
}

async function readSchema(path: string, terminal: Terminal): Promise<Record<string, unknown>> {
  const file = await readText(path, terminal);
  const schema = parseDocumentText(file);
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw unusable(`${file.name}: a schema is an object`);
  }
  return schema as Record<string, unknown>;
}

function names(text: string): readonly string[] {
  const found = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (found.length === 0) throw new InvalidArgumentError('name at least one agent, or give --all-agents');
  return found;
}

function usd(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a cost is a number of USD, 0 or more');
  return value;
}
