import { describe, expect, it } from 'vitest';
import type { Effect } from '../generated/rule.js';
import { fixtures } from '../simulate/fixtures.js';
import type { Catalog, CatalogAction } from './catalog.js';
import { type CompiledCatalog, catalogLimits, compileCatalog } from './compiled-catalog.js';
import { defaultCatalog } from './default-catalog.js';
import { parseCatalog } from './parse-catalog.js';
import { validateContext } from './validate.js';

function action(name: string, more: Partial<CatalogAction> = {}): CatalogAction {
  return {
    action: name,
    agents: null,
    context_schema: null,
    risk: null,
    cost: null,
    description: '',
    annotations: {},
    ...more,
  };
}

function catalogOf(agents: readonly string[], actions: readonly CatalogAction[]): Catalog {
  return { agents: agents.map((agent) => ({ agent, description: '' })), actions };
}

function compiled(catalog: Catalog): CompiledCatalog {
  const result = compileCatalog(catalog);
  if (Array.isArray(result)) throw new Error(JSON.stringify(result));
  return result;
}

function problems(catalog: Catalog): string[] {
  const result = compileCatalog(catalog);
  if (!Array.isArray(result)) throw new Error('the catalog is taken');
  return result.map(({ code, path, message }) => `${code} ${path.join('/')}: ${message}`);
}

const text = { properties: { title: { type: 'string' } } };
const tracker = compiled(
  catalogOf(
    ['inbox.triage', 'inbox.sort', 'ops'],
    [
      action('github.create_issue', { agents: ['inbox.*'], context_schema: text }),
      action('github.merge', { agents: ['ops'], context_schema: text }),
      action('wait'),
    ],
  ),
);

describe('what a catalog knows', () => {
  it.each([
    ['inbox.triage', true],
    ['inbox.*', true],
    ['*', true],
    ['inbox.other', false],
    ['other.*', false],
    ['ops.*', false],
  ])('of agents: %s %s', (pattern, known) => {
    expect(tracker.knowsAgent(pattern)).toBe(known);
  });
  it.each([
    ['inbox.triage', 'github.create_issue', true],
    ['inbox.triage', 'github.merge', false],
    ['inbox.*', 'github.*', true],
    ['ops', 'github.*', true],
    ['ops', 'github.create_issue', false],
    ['*', 'github.merge', true],
    ['*', 'github.other', false],
    ['other', 'github.*', false],
    ['other', 'wait', true],
    ['anyone', '*', true],
    ['*', 'gitlab.*', false],
  ])('of actions for agents: %s %s %s', (agent, name, known) => {
    expect(tracker.knowsAction(agent, name)).toBe(known);
  });
  it('gives an action, its schema and its typing to those it is for', () => {
    expect(tracker.actionOf('inbox.sort', 'github.create_issue')?.action).toBe('github.create_issue');
    expect(tracker.actionOf('ops', 'github.create_issue')).toBeNull();
    expect(tracker.schemaOf('ops', 'github.merge')?.source).toBe(text);
    expect(tracker.schemaOf('ops', 'wait')).toBeNull();
    expect(tracker.typing('inbox.sort', 'github.create_issue')).toBe(
      tracker.typing('inbox.triage', 'github.create_issue'),
    );
    expect(tracker.typing('ops', 'wait')).toBeUndefined();
    expect(tracker.typing('ops', 'github.create_issue')).toBeUndefined();
  });
  it('lists the pairs of known agents and actions for them', () => {
    expect(tracker.pairs().map(({ agent, action: name }) => `${agent} ${name}`)).toEqual([
      'inbox.triage github.create_issue',
      'inbox.sort github.create_issue',
      'ops github.merge',
      'inbox.triage wait',
      'inbox.sort wait',
      'ops wait',
    ]);
  });
  it('lists no more than 10,000 of them', () => {
    const agents = Array.from({ length: 1_000 }, (_, i) => `agent${i}`);
    const actions = Array.from({ length: 20 }, (_, i) => action(`act${i}`));
    expect(compiled(catalogOf(agents, actions)).pairs()).toHaveLength(catalogLimits.pairs);
  });
});

describe('the nearest known names', () => {
  const names = compiled(
    catalogOf(
      ['inbox.triage', 'knowledge.search', 'planner.deploy'],
      [
        ...['quarantine', 'delete', 'deploy', 'github.create_issue', 'github.close_issue'].map((name) => action(name)),
        action('quarantines', { agents: ['planner.deploy'] }),
      ],
    ),
  );
  it.each([
    ['inbox.trige', ['inbox.triage']],
    ['Inbox.Triage', ['inbox.triage']],
    ['triage', ['inbox.triage']],
    ['knowlege.serch', ['knowledge.search']],
    ['somebody.else', []],
    ['x', []],
  ])('of the agent %s are %o', (name, expected) => {
    expect(names.nearestAgents(name)).toEqual(expected);
  });
  it.each([
    ['*', 'quarantin', ['quarantine', 'quarantines']],
    ['inbox.triage', 'quarantin', ['quarantine']],
    ['*', 'deplet', ['delete', 'deploy']],
    ['*', 'create_issue', ['github.create_issue']],
    ['*', 'gitlab.close_issue', ['github.close_issue']],
    ['*', 'launch', []],
  ])('of the action of %s called %s are %o', (agent, name, expected) => {
    expect(names.nearestActions(agent, name)).toEqual(expected);
  });
  it('are at most three', () => {
    const many = compiled(
      catalogOf(
        Array.from({ length: 9 }, (_, i) => `worker${i}`),
        [],
      ),
    );
    expect(many.nearestAgents('workers')).toEqual(['worker0', 'worker1', 'worker2']);
  });
});

describe('coverage', () => {
  const rule = (agent: string, name: string, enabled = true) => ({
    agent,
    action: name,
    effect: 'deny' as Effect,
    enabled,
  });
  it.each([
    [[], ['github.create_issue', 'github.merge', 'wait']],
    [[rule('*', '*')], []],
    [[rule('*', 'github.*')], ['wait']],
    [[rule('ops', '*')], ['github.create_issue']],
    [[rule('inbox.sort', 'github.*')], ['github.merge', 'wait']],
    [[rule('ops', 'github.create_issue')], ['github.create_issue', 'github.merge', 'wait']],
    [[rule('stranger', '*')], ['github.create_issue', 'github.merge', 'wait']],
    [[rule('*', '*', false)], ['github.create_issue', 'github.merge', 'wait']],
  ])('of the rules %j leaves out %j', (rules, uncovered) => {
    expect(tracker.coverage(rules)).toEqual({ actions: 3, covered: 3 - uncovered.length, uncovered });
  });
});

describe('a catalog is refused', () => {
  it('for names that are none, or there twice', () => {
    expect(
      problems(catalogOf(['a b', 'ok', 'ok'], [action('x.*'), action('a'), action('a', { agents: ['b..'] })])),
    ).toEqual([
      'invalid-catalog agents/0/agent: `a b` is no name of an agent',
      'invalid-catalog agents/2/agent: the agent `ok` is there twice',
      'invalid-catalog actions/0/action: `x.*` is no name of an action',
      'invalid-catalog actions/2/action: the action `a` is there twice',
      'invalid-catalog actions/2/agents/0: `b..` is no name or pattern',
    ]);
  });
  it('for schemas that are wrong, with their place', () => {
    const wrong = action('a', { context_schema: { properties: { b: { type: 'text' } } } });
    expect(problems(catalogOf([], [action('ok'), wrong]))[0]).toMatch(
      /^invalid-schema actions\/1\/context_schema\/properties\/b\/type: /,
    );
  });
  it('for too many agents, actions or patterns together', () => {
    const many = Array.from({ length: 5_001 }, (_, i) => action(`a${i}`));
    expect(problems(catalogOf([], many))).toEqual([
      'limit-exceeded actions: a catalog has at most 5000 actions and this one has 5001',
    ]);
    expect(
      problems(
        catalogOf(
          Array.from({ length: 1_001 }, (_, i) => `a${i}`),
          [],
        ),
      )[0],
    ).toMatch(/^limit-exceeded agents/);
    const heavy = Array.from({ length: 200 }, (_, i) =>
      action(`a${i}`, { context_schema: { pattern: `(abc?){500}${i}` } }),
    );
    expect(problems(catalogOf([], heavy))[0]).toMatch(
      /^limit-exceeded .*patterns of the catalog are too large together/,
    );
  });
});

describe('the default catalog', () => {
  const known = compiled(defaultCatalog);
  it('holds three agents and nine actions', () => {
    expect(defaultCatalog.agents.map(({ agent }) => agent)).toEqual([
      'inbox.triage',
      'knowledge.search',
      'planner.deploy',
    ]);
    expect(defaultCatalog.actions.map(({ action: name }) => name).join(' ')).toBe(
      'allow quarantine escalate apply update delete reindex deploy rollback',
    );
  });
  it('types the fields of the nine fixtures, and requires and excludes none', () => {
    for (const { agent, action: name, context } of fixtures) {
      const schema = known.schemaOf(agent, name);
      if (schema === null) throw new Error(`${name} has no schema`);
      expect(validateContext(schema, context)).toEqual([]);
      expect(validateContext(schema, {})).toEqual([]);
      expect(validateContext(schema, { another: [{}] })).toEqual([]);
      for (const field of Object.keys(context)) {
        expect(known.typing(agent, name)?.fields[field]?.types).toHaveLength(1);
        expect(validateContext(schema, { ...context, [field]: [] })).toHaveLength(1);
      }
    }
  });
});

describe('parseCatalog', () => {
  it('fills in what is left out, and reads what the server shows', () => {
    const shown = {
      revision: 3,
      coverage: { actions: 1 },
      agents: [{ agent: 'a' }],
      actions: [{ action: 'b', risk: 'high', context_schema: text }],
    };
    expect(parseCatalog(shown)).toEqual(catalogOf(['a'], [action('b', { risk: 'high', context_schema: text })]));
    expect(parseCatalog({})).toEqual({ agents: [], actions: [] });
  });
  it('keeps which agents are only observed', () => {
    const agents = [
      { agent: 'a', description: '', mode: 'observe' },
      { agent: 'b', description: '', mode: 'enforce' },
    ];
    expect(parseCatalog({ agents })).toEqual({ agents: [agents[0], { agent: 'b', description: '' }], actions: [] });
  });
  it.each<[unknown, string[]]>([
    [[], ['a catalog must be an object with `agents` and `actions`']],
    [null, ['a catalog must be an object with `agents` and `actions`']],
    [undefined, ['a catalog must be JSON, and `undefined` is none of its types']],
    [{ agent: [] }, ['agent: unknown key `agent`, did you mean `agents`?']],
    [{ agents: {} }, ['agents: `agents` must be an array']],
    [{ agents: [{ agent: 'a', mode: 'observed' }] }, ['agents/0/mode: `mode` must be `enforce` or `observe`']],
    [
      { agents: ['a', { description: 1 }] },
      [
        'agents/0: an agent of the catalog must be an object with `agent`, its name',
        'agents/1/agent: `agent` is missing: it is the name',
        'agents/1/description: `description` must be a string',
      ],
    ],
    [
      { actions: [{ action: 'a', context_shema: {}, risk: 'huge', cost: -1, agents: 'b', annotations: [] }] },
      [
        'actions/0/context_shema: unknown key `context_shema`, did you mean `context_schema`?',
        'actions/0/agents: `agents` must be an array of names and patterns, or null for every agent',
        'actions/0/risk: `risk` must be one of `low`, `medium`, `high`, `critical`, or null',
        'actions/0/cost: `cost` must be USD of 0 or more, or null',
        'actions/0/annotations: `annotations` must be an object',
      ],
    ],
  ])('refuses %j', (value, expected) => {
    const result = parseCatalog(value);
    if (!Array.isArray(result)) throw new Error('the catalog is taken');
    expect(result.map(({ path, message }) => (path.length === 0 ? message : `${path.join('/')}: ${message}`))).toEqual(
      expected,
    );
  });
});
