import type { Approval, Bundle } from '@policy-studio/contract';
import { startTestServer, type TestServer, type TestServerOptions } from '../../server.testkit.js';

/** A rule that passes every check, with what differs. */
export function rule(id: string, rest: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    id,
    agent: 'inbox.triage',
    action: 'quarantine',
    effect: 'allow',
    reason: 'risky senders are set aside',
    ...rest,
  };
}

/** A server where four eyes is on, with people of every role that changes policy, each with a key. */
export interface Office extends TestServer {
  readonly author: string;
  readonly operator: string;
  readonly ann: string;
  readonly bob: string;
  draft(version: string, rules?: readonly unknown[], rest?: object): Promise<Bundle>;
  /** An approval to activate the bundle at once for all traffic, asked for by the operator. */
  request(bundleId: number, rest?: object): Promise<Approval>;
  /** As `request`, approved by Ann and, where that takes two, by Bob. */
  approved(bundleId: number, rest?: object): Promise<Approval>;
  /** Draft, approval, activation. */
  inForce(version: string, rules?: readonly unknown[]): Promise<Bundle>;
}

export async function openOffice(options: TestServerOptions = {}): Promise<Office> {
  const server = await startTestServer({ ...options, config: { fourEyesDefault: true, ...options.config } });
  const { call } = server;
  const [author, operator, ann, bob] = await Promise.all([
    server.createKey('author', { owner: 'Ada' }),
    server.createKey('operator', { owner: 'Otto' }),
    server.createKey('approver', { owner: 'Ann' }),
    server.createKey('approver', { owner: 'Bob' }),
  ]);
  const office: Office = {
    ...server,
    author,
    operator,
    ann,
    bob,
    async draft(version, rules = [rule('one')], rest = {}) {
      const answer = await call('createBundle', { token: author, body: { version, rules, ...rest } });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    async request(bundleId, rest = {}) {
      const body = { kind: 'activation', bundle_id: bundleId, initial_pct: 100, justification: 'tested', ...rest };
      const answer = await call('createApproval', { token: operator, body });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    async approved(bundleId, rest) {
      const { id, quorum } = await office.request(bundleId, rest);
      for (const token of [ann, bob].slice(0, quorum)) await call('approve', { token, params: { id }, body: {} });
      return (await call('getApproval', { params: { id } })).body;
    },
    async inForce(version, rules) {
      const { id } = await office.draft(version, rules);
      const approval = await office.approved(id);
      const body = { approval_id: approval.id, canary_pct: 100 };
      const answer = await call('activateBundle', { token: operator, params: { id }, body });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
  };
  return office;
}
