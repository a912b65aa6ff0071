import { Center, Loader } from '@mantine/core';
import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  lazyRouteComponent,
  Outlet,
} from '@tanstack/react-router';
import { faultOf, queryClient } from './api/query-client.js';
import { currentSession, onSessionChange, useSession } from './api/session.js';
import { readDecisionSearch } from './features/decisions/decision-search.js';
import { paths } from './paths.js';
import { NotFoundPage } from './shell/NotFoundPage.js';
import { Shell } from './shell/Shell.js';
import { ErrorState } from './ui/states.js';

const SignInPage = lazyRouteComponent(() => import('./features/sign-in/SignInPage.js'));

const root = createRootRoute({ component: Outlet });

/** Everything that needs somebody signed in; until then, the sign-in stands at the page's own address. */
const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: currentSession,
  component: SignedIn,
});

const overview = createRoute({
  getParentRoute: () => shell,
  path: paths.overview,
  component: lazyRouteComponent(() => import('./features/overview/OverviewPage.js')),
});

const bundles = createRoute({
  getParentRoute: () => shell,
  path: paths.bundles,
  validateSearch: (search: Record<string, unknown>): { offset?: number } => offsetOf(search),
  component: lazyRouteComponent(() => import('./features/bundles/BundlesPage.js')),
});

const bundle = createRoute({
  getParentRoute: () => shell,
  path: paths.bundle,
  validateSearch: (search: Record<string, unknown>): { rule?: string; view?: 'yaml' | 'json' | 'try' } => ({
    ...(typeof search.rule === 'string' ? { rule: search.rule } : {}),
    ...(search.view === 'yaml' || search.view === 'json' || search.view === 'try' ? { view: search.view } : {}),
  }),
  component: lazyRouteComponent(() => import('./features/bundles/BundlePage.js')),
});

const rollouts = createRoute({
  getParentRoute: () => shell,
  path: paths.rollouts,
  validateSearch: (search: Record<string, unknown>): { offset?: number } => offsetOf(search),
  component: lazyRouteComponent(() => import('./features/rollouts/RolloutsPage.js')),
});

const rollout = createRoute({
  getParentRoute: () => shell,
  path: paths.rollout,
  component: lazyRouteComponent(() => import('./features/rollouts/RolloutPage.js')),
});

const decisions = createRoute({
  getParentRoute: () => shell,
  path: paths.decisions,
  validateSearch: readDecisionSearch,
  component: lazyRouteComponent(() => import('./features/decisions/DecisionsPage.js')),
});

const decision = createRoute({
  getParentRoute: () => shell,
  path: paths.decision,
  component: lazyRouteComponent(() => import('./features/decisions/DecisionPage.js')),
});

const editor = createRoute({
  getParentRoute: () => shell,
  path: paths.editor,
  validateSearch: (search: Record<string, unknown>): { rule?: string; view?: 'yaml' | 'try' } => ({
    ...(typeof search.rule === 'string' ? { rule: search.rule } : {}),
    ...(search.view === 'yaml' || search.view === 'try' ? { view: search.view } : {}),
  }),
  component: lazyRouteComponent(() => import('./features/editor/EditorPage.js')),
});

const pages = [overview, bundles, bundle, editor, rollouts, rollout, decisions, decision] as const;

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren(pages)]),
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultPendingMs: 300,
  defaultPendingComponent: () => (
    <Center py={96}>
      <Loader size="sm" aria-label="Loading the page" />
    </Center>
  ),
  defaultNotFoundComponent: NotFoundPage,
  defaultErrorComponent: PageFault,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

// Signed out, or in as somebody else: nothing that was read for the one before stays, and guarded pages ask again.
onSessionChange(() => {
  queryClient.clear();
  void router.invalidate();
});

function SignedIn() {
  const session = useSession();
  if (session === null) return <SignInPage />;
  // Somebody else, or another workspace: everything is read anew.
  return <Shell key={`${session.person} ${session.workspace}`} />;
}

function PageFault({ error, reset }: ErrorComponentProps) {
  const { detail, requestId } = faultOf(error);
  return (
    <ErrorState
      title="This page could not be shown"
      detail={detail}
      requestId={requestId}
      onRetry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}

function offsetOf(search: Record<string, unknown>): { offset?: number } {
  const offset = Number(search.offset);
  return Number.isSafeInteger(offset) && offset > 0 ? { offset } : {};
}
