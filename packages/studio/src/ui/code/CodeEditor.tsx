import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'react';
import { styleNonce } from '../../theme/nonce.js';
import { codeTheme } from './code-theme.js';

export interface CodeEditorProps {
  /** What it holds, for those who hear it. */
  readonly label: string;
  readonly language: 'json' | 'yaml';
  readonly value: string;
  /** Absent: read only. */
  readonly onChange?: (value: string) => void;
  /** Marks, completion and what else a page adds; a new array configures anew. */
  readonly extensions?: readonly Extension[];
  /** Handed the view once it is there, and null when it goes. */
  readonly onView?: (view: EditorView | null) => void;
}

const languages = { json: json(), yaml: yaml() };

/** The value is the caller's: what differs from the text shown replaces it, keeping the selection where it can. */
export default function CodeEditor(props: CodeEditorProps) {
  const { label, language, value, onChange, extensions, onView } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const told = useRef({ onChange, onView });
  told.current = { onChange, onView };
  const settings = useRef({ language: new Compartment(), access: new Compartment(), extra: new Compartment() });
  const editable = onChange !== undefined;

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what changes is configured below
  useEffect(() => {
    if (host.current === null) return;
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(styleNonce),
          base,
          settings.current.language.of(languages[language]),
          settings.current.access.of(accessTo(editable, label)),
          settings.current.extra.of([...(extensions ?? [])]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) told.current.onChange?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    told.current.onView?.(made);
    return () => {
      told.current.onView?.(null);
      made.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const shown = view.current;
    if (shown === null || shown.state.doc.toString() === value) return;
    shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const { language: place, access, extra } = settings.current;
    view.current?.dispatch({
      effects: [
        place.reconfigure(languages[language]),
        access.reconfigure(accessTo(editable, label)),
        extra.reconfigure([...(extensions ?? [])]),
      ],
    });
  }, [language, editable, label, extensions]);

  return <div ref={host} className="code-editor" />;
}

function accessTo(editable: boolean, label: string): Extension {
  return [
    EditorState.readOnly.of(!editable),
    // Still focused by the keyboard, so that it can be searched and copied from.
    EditorView.contentAttributes.of({ 'aria-label': label, 'aria-readonly': String(!editable), tabindex: '0' }),
  ];
}

const base: Extension = [
  lineNumbers(),
  foldGutter({ openText: '⌄', closedText: '›' }),
  history(),
  indentOnInput(),
  indentUnit.of('  '),
  bracketMatching(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  highlightSelectionMatches(),
  search({ top: true }),
  EditorView.lineWrapping,
  // Tab moves on where nothing can be typed.
  keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap]),
  codeTheme,
];

/** For editors: Tab indents. Escape, then Tab, still leaves. */
export const tabIndents: Extension = keymap.of([indentWithTab]);
