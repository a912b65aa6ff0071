import { applyPatch, type PatchOperation } from '@policy-studio/engine';
import type { Engine } from '../../engine/queue.js';

/** One state of the document. The text is what counts; the rules are what it says, or said when it could last be read. */
interface Version {
  readonly text: string;
  readonly rules: readonly unknown[];
}

export interface DraftState extends Version {
  /** Grows with every change: names the document for the engine. */
  readonly revision: number;
  /** Why the text cannot be read; the rules are then those from before. */
  readonly fault: string | null;
  /** The text does not yet say what the rules do, or the other way round. */
  readonly settling: boolean;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** Changes of one kind within this time are taken back together, milliseconds. */
const togetherMs = 1_000;
const readAfterMs = 150;
const versionsKept = 200;

/**
 * A draft while it is edited. Its YAML is the document: an edit of rules is a patch of the text, so comments and order
 * stay; an edit of the text is read into rules. One history for both.
 */
export class Draft {
  #engine: Pick<Engine, 'run'>;
  #now: () => number;
  #state: DraftState;
  #past: Version[] = [];
  #future: Version[] = [];
  #lastEdit = { kind: '', at: Number.NEGATIVE_INFINITY };
  #listeners = new Set<() => void>();
  #waiting: PatchOperation[] = [];
  #patching = false;
  #reading: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(first: Version, engine: Pick<Engine, 'run'>, now: () => number = () => performance.now()) {
    this.#engine = engine;
    this.#now = now;
    this.#state = { ...first, revision: 0, fault: null, settling: false, canUndo: false, canRedo: false };
  }

  readonly state = (): DraftState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Edits rules. Refused (false) while the text cannot be read or is being read: there is nothing sure to patch. */
  edit(patch: readonly PatchOperation[], kind = ''): boolean {
    if (this.#state.fault !== null || this.#reading !== null || patch.length === 0) return false;
    const rules = applyPatch(this.#state.rules, patch);
    this.#remember(kind);
    this.#waiting.push(...patch);
    this.#become({ rules, settling: true });
    void this.#patchText();
    return true;
  }

  /** Takes the text as typed. Ignored while edits of rules are on their way into it. */
  type(text: string): void {
    if (text === this.#state.text || this.#patching) return;
    this.#remember('text');
    this.#become({ text, settling: true });
    this.#readSoon();
  }

  undo(): void {
    this.#travel(this.#past, this.#future);
  }

  redo(): void {
    this.#travel(this.#future, this.#past);
  }

  #travel(from: Version[], to: Version[]): void {
    if (this.#patching) return;
    const version = from.pop();
    if (version === undefined) return;
    to.push({ text: this.#state.text, rules: this.#state.rules });
    this.#lastEdit = { kind: '', at: Number.NEGATIVE_INFINITY };
    this.#become({ ...version, settling: true });
    // What was remembered may be a text that could not be read.
    this.#readSoon(0);
  }

  #remember(kind: string): void {
    const at = this.#now();
    const together = kind !== '' && kind === this.#lastEdit.kind && at - this.#lastEdit.at < togetherMs;
    this.#lastEdit = { kind, at };
    this.#future = [];
    if (together) return;
    this.#past.push({ text: this.#state.text, rules: this.#state.rules });
    if (this.#past.length > versionsKept) this.#past.shift();
  }

  #readSoon(afterMs = readAfterMs): void {
    clearTimeout(this.#timer);
    this.#reading?.abort(new Error('typed on'));
    const reading = new AbortController();
    this.#reading = reading;
    this.#timer = setTimeout(() => void this.#read(reading), afterMs);
  }

  async #read(reading: AbortController): Promise<void> {
    const { text } = this.#state;
    try {
      const { answer } = await this.#engine.run('read', { text, format: 'yaml' }, { signal: reading.signal });
      if (this.#reading !== reading) return;
      this.#reading = null;
      if ('faults' in answer) this.#become({ fault: faultText(answer.faults[0]), settling: false });
      else this.#become({ rules: answer.rules, fault: null, settling: false });
    } catch (error) {
      if (this.#reading !== reading) return;
      this.#reading = null;
      this.#become({ fault: error instanceof Error ? error.message : String(error), settling: false });
    }
  }

  async #patchText(): Promise<void> {
    if (this.#patching) return;
    this.#patching = true;
    try {
      while (this.#waiting.length > 0) {
        const patch = this.#waiting;
        this.#waiting = [];
        const { text } = this.#state;
        const { answer } = await this.#engine.run('patch', { text, format: 'yaml', patch });
        this.#become({ text: answer });
      }
    } catch (error) {
      this.#become({ fault: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#patching = false;
      this.#become({ settling: false });
    }
  }

  #become(change: Partial<DraftState>): void {
    this.#state = {
      ...this.#state,
      ...change,
      revision: this.#state.revision + 1,
      canUndo: this.#past.length > 0,
      canRedo: this.#future.length > 0,
    };
    for (const listener of this.#listeners) listener();
  }
}

function faultText(fault: { readonly message: string; readonly line?: number } | undefined): string {
  if (fault === undefined) return 'the text cannot be read';
  return fault.line === undefined ? fault.message : `line ${fault.line}: ${fault.message}`;
}
