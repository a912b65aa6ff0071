import { useMantineColorScheme } from '@mantine/core';
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight';
import {
  IconListSearch,
  IconLogout,
  IconMoon,
  IconPackage,
  IconRuler2,
  IconSearch,
  IconSun,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { bundleQuery, bundlesQuery } from '../api/queries/bundles.js';
import { systemQuery } from '../api/queries/system.js';
import { signOut } from '../api/session.js';
import { paths } from '../paths.js';
import { navigation } from './pages.js';

/** Rules that match what was typed, no more: a bundle may hold ten thousand. */
const rulesShown = 8;

/** Go to a page, a bundle or a rule in force, or start something, from the keyboard. Opens each time `asked` grows. */
export default function Palette({ asked }: { readonly asked: number }) {
  const [query, setQuery] = useState('');
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again, it opens again
  useEffect(() => {
    setQuery('');
    spotlight.open();
  }, [asked]);
  const groups = [useDecision(query), usePages(), useBundles(), useRules(query), useCommands()].filter(
    ({ actions }) => actions.length > 0,
  );
  return (
    <Spotlight
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      limit={30}
      shortcut={null}
      scrollable
      maxHeight={420}
      overlayProps={{ blur: 0, backgroundOpacity: 0.4 }}
      styles={{ actionsGroup: { textTransform: 'none' } }}
      nothingFound="Nothing of that name. Try a page, a version or a rule."
      searchProps={{
        leftSection: <IconSearch size={16} />,
        placeholder: 'Go to a page, a bundle, a rule; or run a command',
        'aria-label': 'Search or run a command',
      }}
    />
  );
}

function usePages(): SpotlightActionGroupData {
  const navigate = useNavigate();
  return {
    group: 'Pages',
    actions: navigation.flat().map(({ to, title, Icon }) => ({
      id: `page ${to}`,
      label: title,
      leftSection: <Icon size={16} stroke={1.5} />,
      onClick: () => void navigate({ to }),
    })),
  };
}

function useBundles(): SpotlightActionGroupData {
  const navigate = useNavigate();
  const { data } = useQuery(bundlesQuery({ offset: 0 }));
  return {
    group: 'Bundles',
    actions: (data?.bundles ?? []).map(({ id, version, status }) => ({
      id: `bundle ${id}`,
      label: version,
      description: `Bundle, ${status.replace('_', ' ')}`,
      leftSection: <IconPackage size={16} stroke={1.5} />,
      onClick: () => void navigate({ to: paths.bundle, params: { bundleId: String(id) } }),
    })),
  };
}

function useRules(query: string): SpotlightActionGroupData {
  const navigate = useNavigate();
  const { data: system } = useQuery(systemQuery);
  const id = system?.bundle?.id;
  const { data: bundle } = useQuery({ ...bundleQuery(id ?? 0), enabled: id !== undefined });
  const wanted = query.trim().toLowerCase();
  const rules: readonly { readonly id?: unknown }[] = wanted === '' ? [] : (bundle?.rules ?? []);
  const actions: SpotlightActionData[] = [];
  for (const rule of rules) {
    if (actions.length === rulesShown) break;
    const ruleId = String(rule.id);
    if (!ruleId.toLowerCase().includes(wanted)) continue;
    actions.push({
      id: `rule ${ruleId}`,
      label: ruleId,
      description: `Rule of ${bundle?.version ?? ''}`,
      leftSection: <IconRuler2 size={16} stroke={1.5} />,
      onClick: () => void navigate({ to: paths.bundle, params: { bundleId: String(id) }, search: { rule: ruleId } }),
    });
  }
  return { group: 'Rules in force', actions };
}

const decisionId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An id out of a log or a ticket leads to its decision. */
function useDecision(query: string): SpotlightActionGroupData {
  const navigate = useNavigate();
  const id = query.trim().toLowerCase();
  if (!decisionId.test(id)) return { group: 'Decisions', actions: [] };
  const open = {
    id: `decision ${id}`,
    label: id,
    description: 'Decision',
    leftSection: <IconListSearch size={16} stroke={1.5} />,
    onClick: () => void navigate({ to: paths.decision, params: { decisionId: id } }),
  };
  return { group: 'Decisions', actions: [open] };
}

function useCommands(): SpotlightActionGroupData {
  const { setColorScheme } = useMantineColorScheme();
  return {
    group: 'Commands',
    actions: [
      {
        id: 'light',
        label: 'Light colours',
        leftSection: <IconSun size={16} />,
        onClick: () => setColorScheme('light'),
      },
      { id: 'dark', label: 'Dark colours', leftSection: <IconMoon size={16} />, onClick: () => setColorScheme('dark') },
      { id: 'sign-out', label: 'Sign out', leftSection: <IconLogout size={16} />, onClick: () => void signOut() },
    ],
  };
}
