import { type CSSVariablesResolver, createTheme, rem } from '@mantine/core';
import { colour, colours, colourVariables } from './colours.js';

/** Heights of controls: in dense rows, and in page headers. */
const controlHeights: Readonly<Record<string, string>> = { xs: rem(28), sm: rem(32), md: rem(36) };

function heightOf(size: unknown): Record<string, string> {
  const height = controlHeights[typeof size === 'string' ? size : 'sm'];
  return height === undefined ? {} : { height };
}

/** Cool greys in place of the warmer ones of the kit; the last ones are what stands behind the sheet. */
const dark = [
  '#e6e8ec',
  '#b4b9c3',
  '#9aa0ac',
  '#6b717d',
  '#3a3e48',
  '#2a2d35',
  '#20232a',
  '#17191f',
  '#111318',
  '#0c0d11',
] as const;

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  colors: { dark },
  white: '#ffffff',
  black: colours.ink[0],
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: { xs: rem(12), sm: rem(13), md: rem(14), lg: rem(16), xl: rem(20) },
  lineHeights: { xs: '1.3334', sm: '1.5385', md: '1.4286', lg: '1.5', xl: '1.4' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: rem(20), lineHeight: rem(28) },
      h2: { fontSize: rem(13), lineHeight: rem(20) },
      h3: { fontSize: rem(13), lineHeight: rem(20) },
    },
  },
  spacing: { xs: rem(8), sm: rem(12), md: rem(16), lg: rem(24), xl: rem(32) },
  radius: { xs: rem(2), sm: rem(4), md: rem(6), lg: rem(8), xl: rem(16) },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  // Plain objects, not `Button.extend(...)`: that would bring every component named here into the first load.
  components: {
    Text: { defaultProps: { size: 'sm' } },
    // Inside of text a link is not told by its colour alone.
    Anchor: { defaultProps: { underline: 'always', size: 'sm' } },
    Button: {
      defaultProps: { size: 'sm', variant: 'default' },
      vars: (_theme: unknown, { size }: { size?: unknown }) => {
        const { height } = heightOf(size);
        return {
          root: {
            ...(height === undefined ? {} : { '--button-height': height }),
            '--button-fz': rem(13),
            '--button-padding-x': size === 'xs' ? rem(8) : rem(12),
          },
        };
      },
      styles: { label: { fontWeight: 550 } },
    },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 28 } },
    TextInput: { defaultProps: { size: 'sm' }, styles: inputStyles },
    Textarea: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm' }, styles: inputStyles },
    Autocomplete: { defaultProps: { size: 'sm' }, styles: inputStyles },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Tabs: { styles: { tab: { fontWeight: 500 } } },
    Menu: { defaultProps: { shadow: 'md', radius: 'lg', position: 'bottom-end' } },
    Modal: {
      defaultProps: {
        radius: 'lg',
        centered: true,
        closeButtonProps: { 'aria-label': 'Close' },
        transitionProps: { duration: 120 },
      },
      styles: { title: { fontWeight: 600, fontSize: rem(16) } },
    },
    Tooltip: {
      defaultProps: {
        radius: 'lg',
        openDelay: 300,
        multiline: true,
        maw: 320,
        events: { hover: true, focus: true, touch: true },
      },
    },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    NavLink: { defaultProps: { variant: 'subtle' } },
    Table: { defaultProps: { verticalSpacing: rem(11), horizontalSpacing: rem(12) } },
  },
});

function inputStyles(_theme: unknown, { size }: { size?: unknown }) {
  const { height } = heightOf(size);
  return { input: height === undefined ? {} : { height, minHeight: height } };
}

/** The kit's own variables, in the colours of the Studio. */
const kitColours = {
  '--mantine-color-body': colour('sheet'),
  '--mantine-color-text': colour('ink'),
  '--mantine-color-bright': colour('ink'),
  '--mantine-color-dimmed': colour('secondary'),
  '--mantine-color-placeholder': colour('quiet'),
  '--mantine-color-anchor': colour('accent'),
  '--mantine-color-error': colour('error'),
  '--mantine-color-default': colour('sheet'),
  '--mantine-color-default-hover': colour('fill'),
  '--mantine-color-default-color': colour('ink'),
  '--mantine-color-default-border': colour('border'),
  '--mantine-color-disabled': colour('fill'),
  '--mantine-color-disabled-color': colour('quiet'),
  '--mantine-color-disabled-border': colour('hairline'),
  '--mantine-color-indigo-light': colour('accent-tint'),
  '--mantine-color-indigo-light-color': colour('accent'),
  '--mantine-color-indigo-text': colour('accent'),
  '--mantine-color-indigo-outline': colour('accent'),
  '--mantine-color-gray-light-color': colour('secondary'),
  '--mantine-color-gray-text': colour('secondary'),
  '--mantine-color-gray-outline': colour('secondary'),
  '--mantine-color-red-text': colour('deny'),
  '--mantine-color-red-outline': colour('deny'),
};

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...colourVariables('light'), ...kitColours },
  dark: { ...colourVariables('dark'), ...kitColours },
});
