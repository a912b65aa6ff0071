/** Every address of the Studio, in one place. The server serves the page under each first part: see `pageNames`. */
export const paths = {
  overview: '/',
  bundles: '/bundles',
  bundle: '/bundles/$bundleId',
  editor: '/bundles/$bundleId/edit',
  simulator: '/simulator',
  rollouts: '/rollouts',
  rollout: '/rollouts/$rolloutId',
  decisions: '/decisions',
  decision: '/decisions/$decisionId',
  approvals: '/approvals',
  approval: '/approvals/$approvalId',
  incidents: '/incidents',
  incident: '/incidents/$incidentId',
  catalog: '/catalog',
  lists: '/lists',
  list: '/lists/$listName',
  audit: '/audit',
  settings: '/settings',
  playground: '/playground',
} as const;

/** The first parts of all addresses. */
export const pageNames: readonly string[] = [
  ...new Set(Object.values(paths).map((path) => path.split('/')[1] ?? '')),
].filter((name) => name !== '');
