import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer } from '../../api/client.js';
import type { DecisionFilter } from '../../api/decision-filter.js';
import { Effect } from '../../domain/effect.js';
import { paths } from '../../paths.js';
import { CopyText } from '../../ui/CopyText.js';
import { moneyText, numberText } from '../../ui/figures.js';
import { Time } from '../../ui/Time.js';
import classes from './DecisionPage.module.css';

type Decision = Answer<'decisions', 'getDecision'>;

const sources: Readonly<Record<Decision['source'], string>> = {
  api: 'one question',
  batch: 'in a batch',
  sdk: 'decided in the agent’s own process',
  spool: 'decided while the database was away',
};

/** Beside the answer: by which rules, for whom, and what became of it. */
export function DecisionFacts({ decision }: { readonly decision: Decision }) {
  const { bundle, arm, matched_rule, session, caller, budget, lists, approval } = decision;
  return (
    <dl className={classes.facts}>
      <Fact name="Outcome">
        <Outcome outcome={decision.outcome} />
      </Fact>
      <OtherArm decision={decision} />
      <Fact name="Rule">
        {matched_rule !== null && bundle ? (
          <Anchor
            renderRoot={(props) => (
              <Link
                to={paths.bundle}
                params={{ bundleId: String(bundle.id) }}
                search={{ rule: matched_rule }}
                {...props}
              />
            )}
          >
            {matched_rule}
          </Anchor>
        ) : (
          (matched_rule ?? 'none matched')
        )}
        {matched_rule === null ? null : <Others filter={{ rule: matched_rule }}>Others by this rule</Others>}
      </Fact>
      <Fact name="Bundle">
        {bundle === null ? 'none was in force' : `${bundle.version}${arm === 'canary' ? ', as canary' : ''}`}
        {bundle === null ? null : (
          <small>
            <CopyText what="digest" text={bundle.digest} shown={bundle.digest.slice(0, 12)} />
          </small>
        )}
      </Fact>
      <Fact name="Session">
        {session ?? 'none'}
        {session === null ? null : <Others filter={{ session }}>All of this session</Others>}
      </Fact>
      <Fact name="Asked by">
        {caller.owner}
        <small>
          {caller.key_id === null ? 'with the admin token' : `with key ${caller.key_id}`}, {sources[decision.source]}
        </small>
      </Fact>
      {approval ? (
        <Fact name="Approval">
          request {approval.id}
          <small>
            until <Time at={approval.expires_at} />
          </small>
        </Fact>
      ) : null}
      {budget === null ? null : <Fact name="Reserved">{budgetText(budget)}</Fact>}
      {Object.keys(lists).length > 0 ? (
        <Fact name="Lists">
          {Object.entries(lists)
            .map(([name, version]) => `${name}, version ${version}`)
            .join('; ')}
        </Fact>
      ) : null}
      {decision.request_id === null ? null : (
        <Fact name="Request id">
          <CopyText what="request id" text={decision.request_id} />
        </Fact>
      )}
      <Fact name="Decision id">
        <CopyText what="decision id" text={decision.decision_id} shown={`…${decision.decision_id.slice(-12)}`} />
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Others({ filter, children }: { readonly filter: DecisionFilter; readonly children: ReactNode }) {
  return (
    <small>
      <Anchor size="xs" renderRoot={(props) => <Link to={paths.decisions} search={filter} {...props} />}>
        {children}
      </Anchor>
    </small>
  );
}

function Outcome({ outcome }: { readonly outcome: Decision['outcome'] }) {
  if (outcome === null) return 'not reported';
  const { status, cost, compute, message, reported_at } = outcome;
  const spent = budgetText({ ...(cost === null ? {} : { cost }), ...(compute === null ? {} : { compute }) });
  return (
    <>
      {status === 'success' ? 'succeeded' : 'failed'}
      {spent === '' ? '' : `, ${spent}`}
      <small>
        {message === null || message === '' ? '' : `${message}, `}
        <Time at={reported_at} />
      </small>
    </>
  );
}

/** While a rollout runs, the other of its two bundles is asked as well. */
function OtherArm({ decision: { rollout, policy_effect } }: { readonly decision: Decision }) {
  const other = rollout?.shadow;
  if (!rollout || !other) return null;
  const version = other.bundle?.version ?? 'The other bundle';
  return (
    <Fact name={`${version}, asked as well`}>
      {other.effect === null ? 'could not decide' : <Effect effect={other.effect} />}
      <small>
        {other.matched_rule ?? 'no rule matched'}
        {other.effect === policy_effect ? '; the same effect' : '; another effect'}
      </small>
      <small>
        <Anchor
          size="xs"
          renderRoot={(props) => <Link to={paths.rollout} params={{ rolloutId: String(rollout.id) }} {...props} />}
        >
          Rollout {rollout.id}
        </Anchor>
      </small>
    </Fact>
  );
}

function budgetText({ cost, compute, risk }: NonNullable<Decision['budget']>): string {
  return [
    cost === undefined ? '' : moneyText(cost),
    compute === undefined ? '' : `${numberText(compute)} compute units`,
    risk === undefined ? '' : `${risk} risk`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
