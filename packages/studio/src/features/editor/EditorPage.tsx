import { ActionIcon, Button, Tabs } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp, IconPlus } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useBlocker, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { client } from '../../api/client.js';
import { key } from '../../api/keys.js';
import { surroundingsQuery } from '../../api/queries/surroundings.js';
import { faultOf } from '../../api/query-client.js';
import { useRefusal } from '../../api/session.js';
import { FindingCounts } from '../../domain/findings.js';
import { BundleStatusPill } from '../../domain/status.js';
import { engine } from '../../engine/engine.js';
import { useEngine } from '../../engine/use-engine.js';
import { paths } from '../../paths.js';
import { Code } from '../../ui/Code.js';
import { usePageTitle } from '../../ui/page-title.js';
import { EmptyState, ErrorState, RowSkeletons, sentence } from '../../ui/states.js';
import { RuleList, readRules } from '../bundles/index.js';
import { TryPanel } from '../try/index.js';
import { Draft } from './draft.js';
import classes from './EditorPage.module.css';
import { FindingsPanel } from './FindingsPanel.js';
import { RuleBuilder } from './RuleBuilder.js';
import { type Kept, type Saving, useSaving } from './use-saving.js';

interface Opened extends Kept {
  readonly id: number;
  readonly version: string;
  readonly draft: Draft;
}

/** A draft to edit: rules in the builder and as text, one document. Anything else says why it is only read. */
export default function EditorPage() {
  const id = Number(useParams({ from: '/shell/bundles/$bundleId/edit' }).bundleId);
  const refusal = useRefusal('updateBundle');
  // Read once, for this visit: what others save meanwhile is a conflict to be settled, not a text that changes by itself.
  const { data, error, refetch } = useQuery({
    queryKey: ['editor', ...key('bundles', id)],
    queryFn: () => open(id),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  usePageTitle(data?.version ?? 'Draft');
  const why = refusal ?? (error ? faultOf(error).detail : null);
  if (why !== null) {
    return <ErrorState title="This bundle cannot be edited" detail={why} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={8} />;
  return <Editor key={id} opened={data} />;
}

async function open(id: number): Promise<Opened> {
  const answer = await client.send('getBundle', { id });
  if (answer.notModified) throw new Error('the bundle was not sent');
  const { rules, status, version } = answer.body;
  if (status !== 'draft') throw new Error(`only a draft can be changed, and ${version} is ${status.replace('_', ' ')}`);
  const { answer: text } = await engine.run('write', { rules, format: 'yaml' });
  const read = await engine.run('read', { text, format: 'yaml' });
  const inOrder = 'rules' in read.answer ? read.answer.rules : rules;
  return { id, version, rules: inOrder, etag: answer.etag, draft: new Draft({ text, rules: inOrder }, engine) };
}

function Editor({ opened }: { readonly opened: Opened }) {
  const { id, version, draft } = opened;
  const state = useSyncExternalStore(draft.subscribe, draft.state);
  const { rule: wanted, view = 'builder' } = useSearch({ from: '/shell/bundles/$bundleId/edit' });
  const navigate = useNavigate();
  const { saving, unsaved, resolve } = useSaving(id, draft, state, opened);
  const go = (search: { rule?: string; view?: 'yaml' | 'try' }): void =>
    void navigate({ to: paths.editor, params: { bundleId: String(id) }, search, replace: true });
  useBlocker({
    shouldBlockFn: ({ next }) =>
      unsaved && next.pathname !== window.location.pathname
        ? !window.confirm('Not everything is saved yet. Leave, and lose what is not?')
        : false,
    enableBeforeUnload: false,
  });
  useUndoKeys(draft);

  const lint = useFindings(state.text, state.revision);
  const findings = lint ? [...lint.errors, ...lint.warnings, ...lint.info] : [];
  const documents = readRules(state.rules, findings);
  const shown = documents.find((rule) => rule.id === wanted) ?? documents[0];
  const index = state.rules.findIndex((rule) => (rule as { id?: unknown } | null)?.id === shown?.id);
  const add = (): void => {
    const rule = newRule(state.rules);
    if (draft.edit([{ op: 'add', path: '/-', value: rule }])) go({ rule: rule.id });
  };
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <h1 className={classes.version}>{version}</h1>
        <BundleStatusPill status="draft" trafficPct={0} />
        <span className={classes.saved} role="status">
          {savingWords(saving, state.fault !== null)}
        </span>
        <Button renderRoot={(props) => <Link to={paths.bundle} params={{ bundleId: String(id) }} {...props} />}>
          Done
        </Button>
      </header>
      {saving.status === 'conflict' ? (
        <div className={classes.conflict} role="alert">
          Somebody else changed this draft meanwhile. Nothing of yours is lost.
          <Button size="xs" onClick={() => void resolve('mine')}>
            Keep mine
          </Button>
          <Button size="xs" onClick={() => void resolve('theirs')}>
            Take theirs
          </Button>
        </div>
      ) : null}
      <div className={classes.columns}>
        <RuleList rules={documents} selected={shown?.id ?? ''} onSelect={(rule) => go({ ...viewOf(view), rule })} />
        <Tabs
          value={view}
          onChange={(next) =>
            go({
              ...(wanted === undefined ? {} : { rule: wanted }),
              ...(next === 'yaml' || next === 'try' ? { view: next } : {}),
            })
          }
          className={classes.centre ?? ''}
          keepMounted={false}
        >
          <div className={classes.bar}>
            <Tabs.List className={classes.tabs}>
              <Tabs.Tab value="builder">Builder</Tabs.Tab>
              <Tabs.Tab value="yaml">YAML</Tabs.Tab>
              <Tabs.Tab value="try">Try</Tabs.Tab>
            </Tabs.List>
            <div className={classes.tools}>
              <ActionIcon aria-label="Add a rule" disabled={state.fault !== null} onClick={add}>
                <IconPlus size={16} />
              </ActionIcon>
              <ActionIcon aria-label="Undo" disabled={!state.canUndo} onClick={() => draft.undo()}>
                <IconArrowBackUp size={16} />
              </ActionIcon>
              <ActionIcon aria-label="Redo" disabled={!state.canRedo} onClick={() => draft.redo()}>
                <IconArrowForwardUp size={16} />
              </ActionIcon>
            </div>
          </div>
          <Tabs.Panel value="builder" className={classes.panel}>
            {index < 0 ? (
              <EmptyState
                icon={<IconPlus size={28} />}
                title="No rules yet"
                action={<Button onClick={add}>Add a rule</Button>}
              >
                A rule says what an agent may do, and when.
              </EmptyState>
            ) : (
              <RuleBuilder
                key={shown?.id}
                rules={state.rules}
                index={index}
                fault={state.fault}
                onEdit={(patch, kind) => draft.edit(patch, kind)}
              />
            )}
          </Tabs.Panel>
          <Tabs.Panel value="yaml" className={classes.panel}>
            <Code
              label={`${version} as YAML`}
              language="yaml"
              value={state.text}
              onChange={(text) => draft.type(text)}
            />
          </Tabs.Panel>
          <Tabs.Panel value="try" className={classes.panel}>
            <TryPanel rules={state.rules} name={`draft ${id} ${state.revision}`} />
          </Tabs.Panel>
        </Tabs>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard */}
        <section className={classes.side} aria-label="Findings" tabIndex={0}>
          <div className={classes.sideHead}>
            <h2>Lint</h2>
            {lint ? <FindingCounts {...lint.summary} /> : null}
          </div>
          <FindingsPanel
            findings={findings}
            current={lint !== null && lint.revision === state.revision && !state.settling}
            onOpen={(rule) => go({ ...viewOf(view), rule })}
            onApply={(patch) => draft.edit(patch)}
          />
        </section>
      </div>
    </div>
  );
}

/** The findings about the text as it was at `revision`, those before until then. */
function useFindings(text: string, revision: number) {
  const lists = useMemo(() => [...listsUsedIn(text)].sort(), [text]);
  const { data: known, dataUpdatedAt } = useQuery({ ...surroundingsQuery(lists), placeholderData: keepPreviousData });
  const input = known ? { subject: { text, format: 'yaml' as const }, surroundings: known } : null;
  const { data, isPlaceholderData } = useEngine('lint', input, ['draft', text, dataUpdatedAt]);
  return data ? { ...data.answer, revision: isPlaceholderData ? -1 : revision } : null;
}

/** The lists a text may name, by sight: one too many costs a read and says nothing wrong. */
function listsUsedIn(text: string): ReadonlySet<string> {
  const found = text.matchAll(/["']?\blist["']?\s*:\s*["']?([a-z0-9][a-z0-9_-]{0,63})/g);
  return new Set(Array.from(found, ([, name = '']) => name));
}

function useUndoKeys(draft: Draft): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      const letter = event.key.toLowerCase();
      if (letter !== 'z' && letter !== 'y') return;
      event.preventDefault();
      event.stopPropagation();
      if (letter === 'y' || event.shiftKey) draft.redo();
      else draft.undo();
    };
    // Before the text's own keys: there is one history for all views.
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, [draft]);
}

function viewOf(view: 'builder' | 'yaml' | 'try'): { view?: 'yaml' | 'try' } {
  return view === 'builder' ? {} : { view };
}

function savingWords(saving: Saving, unreadable: boolean): string {
  if (unreadable) return 'Saved once the text can be read';
  switch (saving.status) {
    case 'saved':
      return 'Saved';
    case 'waiting':
    case 'saving':
      return 'Saving';
    case 'conflict':
      return 'Not saved';
    case 'failed':
      return `Not saved: ${sentence(saving.detail)}`;
  }
}

/** A rule that changes nothing until it is filled in: it denies, and is not asked. */
function newRule(rules: readonly unknown[]) {
  const taken = new Set(rules.map((rule) => (rule as { id?: unknown } | null)?.id));
  let number = rules.length + 1;
  while (taken.has(`rule-${number}`)) number += 1;
  return { id: `rule-${number}`, agent: '*', action: '*', effect: 'deny', enabled: false };
}
