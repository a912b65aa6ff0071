import { Button } from '@mantine/core';
import type { Finding, PatchOperation } from '@policy-studio/engine';
import { SeverityMark } from '../../domain/findings.js';
import { Quoted } from '../../ui/Quoted.js';
import classes from './EditorPage.module.css';

interface FindingsPanelProps {
  readonly findings: readonly Finding[];
  /** Whether they are about the document as it stands, so that what they suggest fits it. */
  readonly current: boolean;
  readonly onOpen: (rule: string) => void;
  readonly onApply: (patch: readonly PatchOperation[]) => void;
}

const findingsShown = 100;

/** What is to be said about the draft, each with its place and, where a machine may, its remedy. */
export function FindingsPanel({ findings, current, onOpen, onApply }: FindingsPanelProps) {
  if (findings.length === 0) return <p className={classes.quiet}>No findings: these rules say what they seem to.</p>;
  return (
    <ul className={classes.findings}>
      {findings.slice(0, findingsShown).map(({ code, rule_id, severity, message, path, suggestion }) => (
        <li key={`${code} ${path.join('/')} ${message}`} className={classes.finding}>
          <SeverityMark severity={severity} />
          <div>
            <Quoted text={message} />
            <p className={classes.code}>
              <code>{code}</code>
              {rule_id === null ? null : (
                <Button size="compact-xs" variant="subtle" onClick={() => onOpen(rule_id)}>
                  {rule_id}
                </Button>
              )}
            </p>
            {suggestion?.patch ? (
              <Button
                size="xs"
                variant="light"
                disabled={!current}
                style={{ height: 'auto', minHeight: 28 }}
                styles={{ label: { whiteSpace: 'normal', textAlign: 'start', padding: '4px 0' } }}
                onClick={() => onApply(suggestion.patch ?? [])}
              >
                <Quoted text={suggestion.message} />
              </Button>
            ) : null}
          </div>
        </li>
      ))}
      {findings.length > findingsShown ? (
        <li className={classes.quiet}>{findings.length - findingsShown} more come when these are mended.</li>
      ) : null}
    </ul>
  );
}
