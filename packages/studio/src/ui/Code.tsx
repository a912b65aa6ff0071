import { Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';
import type { CodeEditorProps } from './code/CodeEditor.js';

const CodeEditor = lazy(() => import('./code/CodeEditor.js'));

/**
 * Source text with colours, search and folding; CodeMirror comes with the first one shown.
 * `<Code label="Rules as YAML" language="yaml" value={text} />`
 */
export function Code(props: CodeEditorProps) {
  return (
    <Suspense fallback={<Skeleton height={240} radius="md" />}>
      <CodeEditor {...props} />
    </Suspense>
  );
}
