import { sameJson } from '@policy-studio/engine';
import { ProblemError } from '@policy-studio/sdk';
import { useEffect, useRef, useState } from 'react';
import { client } from '../../api/client.js';
import { faultOf } from '../../api/query-client.js';
import { engine } from '../../engine/engine.js';
import type { Draft, DraftState } from './draft.js';

export type Saving =
  | { readonly status: 'saved' | 'waiting' | 'saving' | 'conflict' }
  | { readonly status: 'failed'; readonly detail: string };

/** What the server keeps, and the mark by which it knows that nobody changed it since. */
export interface Kept {
  readonly rules: readonly unknown[];
  readonly etag: string | null;
}

const saveAfterMs = 1_000;

/**
 * Saves a draft by itself, a second after the last change. Never over what somebody else saved meanwhile: that is a
 * conflict until `resolve` says on what to build. A text that cannot be read waits.
 */
export function useSaving(id: number, draft: Draft, state: DraftState, first: Kept) {
  const kept = useRef(first);
  const busy = useRef(false);
  const [saving, setSaving] = useState<Saving>({ status: 'saved' });
  const [round, setRound] = useState(0);
  const { rules, fault, settling } = state;
  const isConflict = saving.status === 'conflict';

  // biome-ignore lint/correctness/useExhaustiveDependencies: a round begins anew after a save and after a conflict
  useEffect(() => {
    if (fault !== null || settling || isConflict || busy.current) return;
    if (sameJson(rules, kept.current.rules)) {
      setSaving({ status: 'saved' });
      return;
    }
    setSaving((before) => (before.status === 'failed' ? before : { status: 'waiting' }));
    const save = async (): Promise<void> => {
      busy.current = true;
      setSaving({ status: 'saving' });
      try {
        const { etag } = kept.current;
        const input = { id, rules: rules as Record<string, unknown>[], ...(etag === null ? {} : { 'if-match': etag }) };
        const answer = await client.send('updateBundle', input);
        kept.current = { rules, etag: answer.etag };
        setSaving({ status: 'saved' });
        busy.current = false;
        setRound((before) => before + 1);
      } catch (error) {
        busy.current = false;
        const isStale = error instanceof ProblemError && error.status === 412;
        setSaving(isStale ? { status: 'conflict' } : { status: 'failed', detail: faultOf(error).detail });
      }
    };
    const timer = setTimeout(() => void save(), saveAfterMs);
    return () => clearTimeout(timer);
  }, [rules, fault, settling, isConflict, round, id]);

  const unsaved = saving.status !== 'saved' || fault !== null || settling;
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [unsaved]);

  /** Ends a conflict: `mine` saves over what is there now, `theirs` takes it into the document, undoably. */
  const resolve = async (choice: 'mine' | 'theirs'): Promise<void> => {
    const answer = await client.send('getBundle', { id });
    if (answer.notModified) return;
    kept.current = { rules: answer.body.rules, etag: answer.etag };
    if (choice === 'theirs') {
      const written = await engine.run('write', { rules: answer.body.rules, format: 'yaml' });
      draft.type(written.answer);
    }
    setSaving({ status: 'waiting' });
    setRound((before) => before + 1);
  };
  return { saving, unsaved, resolve };
}
