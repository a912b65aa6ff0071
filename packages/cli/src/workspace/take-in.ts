import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type PolicyStudioClient, ProblemError } from '@policy-studio/sdk';
import { unusable } from '../exit-code.js';
import { displayName, readBytes } from '../input.js';
import type { Terminal } from '../output.js';

/** What `workspaces export` writes: a head, a line for each row, an end. */
export const exportFormat = 'policy-studio-workspace-1';

export interface TakenIn {
  readonly agents: number;
  readonly actions: number;
  readonly lists: number;
  readonly bundles: number;
  readonly settings: boolean;
  /** What was left out, and why: a version that is there, a setting that needs an approval. */
  readonly left: readonly string[];
}

interface Line {
  readonly format?: unknown;
  readonly table?: unknown;
  readonly row?: Readonly<Record<string, unknown>>;
  readonly end?: unknown;
  readonly items?: unknown;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * Makes from an export what can be made again by whoever may: catalog, lists (their current values), bundles as drafts,
 * and settings last, so that their protection does not stand in the way of the rest. What is there already stays.
 * Everything else of an export (decisions, approvals, the trail) is a record of what was, and is not made again.
 */
export async function takeIn(client: PolicyStudioClient, path: string, terminal: Terminal): Promise<TakenIn> {
  const taken = { agents: 0, actions: 0, lists: 0, bundles: 0, settings: false, left: [] as string[] };
  const lists = new Map<unknown, Row>();
  let settings: Row | null = null;

  const attempt = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      // What the server refuses for this one thing; anything else ends the command.
      if (!(error instanceof ProblemError) || ![409, 422].includes(error.status)) throw error;
      taken.left.push(`${what}: ${error.detail}`);
      return false;
    }
  };
  const makers: Readonly<Record<string, (row: Row) => Promise<void> | void>> = {
    async catalog_agent({ agent, description, mode }) {
      const input = { agent, description, mode };
      if (await attempt(`agent ${agent}`, () => client.catalog.putCatalogAgent(input as never))) taken.agents += 1;
    },
    async catalog_action({ action, document }) {
      const { agents, context_schema, risk, cost, description } = document as Row;
      const input = { action, agents, context_schema, risk, cost, description };
      if (await attempt(`action ${action}`, () => client.catalog.putCatalogAction(defined(input) as never))) {
        taken.actions += 1;
      }
    },
    named_list(row) {
      if (row.deleted !== true) lists.set(row.name, row);
    },
    async named_list_version({ name, version, values, normalize }) {
      const list = lists.get(name);
      if (list === undefined || list.version !== version) return;
      const { live, description } = list;
      const input = { name, values, normalize, description };
      const made = await attempt(`list ${name}`, () =>
        // Whether a list is live is said when it is made, and never again.
        client.lists.putList({ ...input, live } as never).catch((error: unknown) => {
          if (error instanceof ProblemError && error.status === 422) return client.lists.putList(input as never);
          throw error;
        }),
      );
      if (made) taken.lists += 1;
    },
    async bundle({ version, rules, notes, metadata }) {
      const input = { version, rules, notes, metadata };
      if (await attempt(`bundle ${version}`, () => client.bundles.createBundle(input as never))) taken.bundles += 1;
    },
    setting({ values }) {
      settings = values as Row;
    },
  };

  await eachRow(path, terminal, async (table, row) => {
    await makers[table]?.(row);
  });
  if (settings !== null && Object.keys(settings).length > 0) {
    taken.settings = await attempt('settings', () => client.settings.putSettings(settings as never));
  }
  return taken;
}

function defined(input: Row): Row {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

/** Every row of an export, in its order. Throws when the file is none, or was cut short. */
async function eachRow(
  path: string,
  terminal: Terminal,
  onRow: (table: string, row: Row) => Promise<void>,
): Promise<void> {
  const name = displayName(path);
  const lines = createInterface({
    input: Readable.from(readBytes(path, terminal)),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let number = 0;
  let rows = 0;
  let ended = false;
  for await (const text of lines) {
    number += 1;
    const line = parsed(text);
    if (number === 1) {
      if (line?.format === exportFormat) continue;
      throw unusable(`${name}: is not what \`workspaces export\` writes (its first line names no \`${exportFormat}\`)`);
    }
    if (line === null || ended) throw unusable(`${name}:${number}: is no line of an export`);
    if (line.end === true) {
      if (line.items !== rows) throw unusable(`${name}: lacks rows: it holds ${rows} of ${String(line.items)}`);
      ended = true;
      continue;
    }
    if (typeof line.table !== 'string' || line.row === undefined) {
      throw unusable(`${name}:${number}: is no line of an export`);
    }
    rows += 1;
    await onRow(line.table, line.row);
  }
  if (!ended) throw unusable(`${name}: was cut short: its last line is missing; what came before it was taken in`);
}

function parsed(text: string): Line | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
