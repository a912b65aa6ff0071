import { Button, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Answer } from '../../api/client.js';
import { bundleQuery } from '../../api/queries/bundles.js';
import { faultOf } from '../../api/query-client.js';
import { useRefusal } from '../../api/session.js';
import { FindingCounts } from '../../domain/findings.js';
import { BundleStatusPill } from '../../domain/status.js';
import { paths } from '../../paths.js';
import { ActionButton } from '../../ui/ActionButton.js';
import { CopyText } from '../../ui/CopyText.js';
import { countText } from '../../ui/figures.js';
import { usePageTitle } from '../../ui/page-title.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import { Time } from '../../ui/Time.js';
import { TryPanel } from '../try/index.js';
import { BundleActions } from './BundleActions.js';
import classes from './BundlePage.module.css';
import { BundleSource } from './BundleSource.js';
import { RulesView } from './RulesView.js';

type Bundle = Answer<'bundles', 'getBundle'>;
type View = 'rules' | 'yaml' | 'json' | 'try';

/** One bundle: its rules in words, and as source. */
export default function BundlePage() {
  const { bundleId } = useParams({ from: '/shell/bundles/$bundleId' });
  const { data, error, refetch } = useQuery(bundleQuery(Number(bundleId)));
  usePageTitle(data?.version ?? 'Bundle');
  if (error && !data) {
    return <ErrorState title="This bundle could not be read" {...faultOf(error)} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={8} />;
  return <BundleView bundle={data} />;
}

function BundleView({ bundle }: { readonly bundle: Bundle }) {
  const { view = 'rules', ...search } = useSearch({ from: '/shell/bundles/$bundleId' });
  const navigate = useNavigate();
  const show = (next: View): void => {
    const params = { bundleId: String(bundle.id) };
    void navigate({ to: paths.bundle, params, search: { ...search, ...(next === 'rules' ? {} : { view: next }) } });
  };
  return (
    <Tabs
      value={view}
      onChange={(next) => show((next ?? 'rules') as View)}
      className={classes.page}
      keepMounted={false}
    >
      <header className={classes.header}>
        <h1 className={classes.version}>{bundle.version}</h1>
        <BundleStatusPill status={bundle.status} trafficPct={bundle.traffic_pct} />
        <p className={classes.notes}>{bundle.notes.split('\n', 1)[0]}</p>
        <div className={classes.meta}>
          <FindingCounts {...bundle.lint.summary} />
          <span>{countText(bundle.rules.length, 'rule')}</span>
          <span>
            by {bundle.created_by}, <Time at={bundle.created_at} />
          </span>
          <CopyText what="digest" text={bundle.digest} shown={bundle.digest.slice(0, 12)} />
        </div>
        <BundleActions bundle={bundle} />
        {bundle.status === 'draft' ? <EditLink id={bundle.id} /> : null}
      </header>
      <Tabs.List className={classes.tabs}>
        <Tabs.Tab value="rules">Rules</Tabs.Tab>
        <Tabs.Tab value="yaml">YAML</Tabs.Tab>
        <Tabs.Tab value="json">JSON</Tabs.Tab>
        <Tabs.Tab value="try">Try</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="rules" className={classes.panel}>
        <RulesView
          rules={bundle.rules}
          findings={[...bundle.lint.errors, ...bundle.lint.warnings, ...bundle.lint.info]}
          selected={search.rule ?? null}
          onSelect={(rule) =>
            void navigate({
              to: paths.bundle,
              params: { bundleId: String(bundle.id) },
              search: { rule },
              replace: true,
            })
          }
        />
      </Tabs.Panel>
      <Tabs.Panel value="yaml" className={classes.panel}>
        <BundleSource bundle={bundle} format="yaml" />
      </Tabs.Panel>
      <Tabs.Panel value="json" className={classes.panel}>
        <BundleSource bundle={bundle} format="json" />
      </Tabs.Panel>
      <Tabs.Panel value="try" className={classes.panel}>
        <TryPanel rules={bundle.rules} name={bundle.digest} />
      </Tabs.Panel>
    </Tabs>
  );
}

function EditLink({ id }: { readonly id: number }) {
  const refusal = useRefusal('updateBundle');
  if (refusal !== null) return <ActionButton disabledBecause={refusal}>Edit</ActionButton>;
  return (
    <Button
      variant="filled"
      renderRoot={(props) => <Link to={paths.editor} params={{ bundleId: String(id) }} {...props} />}
    >
      Edit
    </Button>
  );
}
