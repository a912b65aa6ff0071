import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { colour } from '../../theme/colours.js';

/** The Studio's colours for source: keys in the accent, values green, comments slanted. No ligatures. */
const surface = EditorView.theme({
  '&': { backgroundColor: 'transparent', color: colour('ink'), fontSize: '0.8125rem' },
  '&.cm-focused': { outline: 'none' },
  // Above the gutters, which would cover an outline.
  '&:has(.cm-content:focus-visible)::after': {
    content: '""',
    position: 'absolute',
    inset: '0',
    zIndex: '300',
    border: `2px solid ${colour('accent')}`,
    pointerEvents: 'none',
  },
  '.cm-scroller': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    fontVariantLigatures: 'none',
    fontFeatureSettings: '"liga" 0, "calt" 0',
    lineHeight: '19px',
  },
  '.cm-content': { caretColor: colour('ink'), padding: '8px 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: colour('ink') },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, ::selection': {
    backgroundColor: colour('accent-tint'),
  },
  '.cm-gutters': { backgroundColor: 'transparent', color: colour('quiet'), border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 4px 0 12px', minWidth: '36px' },
  '.cm-foldGutter .cm-gutterElement': { padding: '0 4px', cursor: 'pointer' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: colour('fill') },
  '.cm-activeLineGutter': { color: colour('ink') },
  '.cm-panels': { backgroundColor: colour('fill'), color: colour('ink'), borderColor: colour('hairline') },
  '.cm-panel input, .cm-panel button': { fontSize: '0.75rem' },
  '.cm-searchMatch': { backgroundColor: colour('approval-tint'), outline: `1px solid ${colour('approval')}` },
  '.cm-searchMatch-selected': { backgroundColor: colour('accent-tint') },
  '.cm-tooltip': {
    backgroundColor: colour('floating'),
    color: colour('ink'),
    border: `1px solid ${colour('hairline')}`,
    borderRadius: '8px',
    boxShadow: 'var(--mantine-shadow-md)',
  },
  '.cm-foldPlaceholder': { backgroundColor: colour('fill'), border: 'none', color: colour('secondary') },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: colour('fill-strong') },
});

const words = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: colour('accent') },
  { tag: [tags.string, tags.content], color: colour('allow') },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: colour('code') },
  { tag: tags.comment, color: colour('secondary'), fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: colour('secondary') },
]);

export const codeTheme = [surface, syntaxHighlighting(words)];
