/** A colour in the light and in the dark scheme. */
type Pair = readonly [light: string, dark: string];

/**
 * Every colour of the Studio, as `--ps-<name>`. Text on a sheet passes 4.5 : 1 in both schemes; `quiet` is for what is
 * read second. Nothing else in the sources names a colour.
 */
export const colours = {
  ink: ['#16181d', '#e6e8ec'],
  secondary: ['#5c636b', '#9aa0ac'],
  quiet: ['#656b73', '#8f96a3'],
  fill: ['#f3f4f6', '#20232a'],
  'fill-strong': ['#e8eaee', '#2a2e37'],
  hairline: ['#e9ebee', '#2a2d35'],
  border: ['#d5d9df', '#3a3e48'],
  sheet: ['#ffffff', '#17191f'],
  floating: ['#ffffff', '#1e2128'],
  navigation: ['#f8f9fa', '#111318'],
  /** Selection, focus, link, the main action, and the canary arm. */
  accent: ['#3b5bdb', '#8ea3ff'],
  'accent-tint': ['#eef1fe', '#23294a'],
  track: ['#adb3bb', '#5a606c'],
  allow: ['#1b7f45', '#4ccb86'],
  'allow-tint': ['#e8f6ee', '#14301f'],
  deny: ['#c92a2a', '#ff7b7b'],
  'deny-tint': ['#fdecec', '#301a1d'],
  approval: ['#a15c00', '#f5b942'],
  'approval-tint': ['#fdf3e0', '#36280d'],
  'no-match': ['#656b73', '#8f96a3'],
  'no-match-tint': ['#f1f3f5', '#23262d'],
  error: ['#c92a2a', '#ff7b7b'],
  warning: ['#c2410c', '#ff9f50'],
  note: ['#656b73', '#8f96a3'],
  live: ['#1b7f45', '#4ccb86'],
  code: ['#8a3ffc', '#c9a6ff'],
} as const satisfies Record<string, Pair>;

export type ColourName = keyof typeof colours;

/** The CSS value of a colour: `colour('accent')`. */
export function colour(name: ColourName): string {
  return `var(--ps-${name})`;
}

/** The declarations of one scheme, for Mantine's variables resolver. */
export function colourVariables(scheme: 'light' | 'dark'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(colours).map(([name, [light, dark]]) => [`--ps-${name}`, scheme === 'light' ? light : dark]),
  );
}
