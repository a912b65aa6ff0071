import type { Bundle, Decision, Job, Simulation, Snapshot } from '@policy-studio/contract';
import { describe, expectTypeOf, it } from 'vitest';
import type { PolicyStudioClient } from './client.js';
import type { LocalDecision } from './local-policy.js';

// Checked by the compiler in the types step; nothing here is called.
describe('the types of a client', () => {
  type Client = PolicyStudioClient;

  it('take path, query, headers and body in one object', () => {
    expectTypeOf<Client['bundles']['getBundle']>().parameter(0).toEqualTypeOf<{ id: number }>();
    type Update = Parameters<Client['bundles']['updateBundle']>[0];
    expectTypeOf<Update>().toHaveProperty('id').toEqualTypeOf<number>();
    expectTypeOf<Update>().toHaveProperty('if-match').toEqualTypeOf<string | undefined>();
    expectTypeOf<{ id: number; notes: string }>().toExtend<Update>();
    expectTypeOf<{ notes: string }>().not.toExtend<Update>();
    expectTypeOf<{ id: string }>().not.toExtend<Update>();
  });

  it('leave out what the contract has a default for', () => {
    expectTypeOf<Parameters<Client['bundles']['listBundles']>>().toExtend<[unknown?, unknown?]>();
    expectTypeOf<{ limit: number }>().toExtend<NonNullable<Parameters<Client['bundles']['listBundles']>[0]>>();
    expectTypeOf<[]>().toExtend<Parameters<Client['system']['healthz']>>();
    expectTypeOf<[]>().not.toExtend<Parameters<Client['bundles']['getBundle']>>();
  });

  it('answer what the contract says', () => {
    expectTypeOf<Client['bundles']['getBundle']>().returns.resolves.toEqualTypeOf<Bundle>();
    expectTypeOf<Client['bundles']['getSnapshot']>().returns.resolves.toEqualTypeOf<Snapshot>();
    expectTypeOf<Client['decisions']['evaluate']>().returns.resolves.toEqualTypeOf<Decision>();
    expectTypeOf<Client['access']['revokeApiKey']>().returns.resolves.toEqualTypeOf<undefined>();
    expectTypeOf<Client['bundles']['getBundle']>().returns.resolves.not.toBeAny();
  });

  it('answer what the contract says now or later, told apart by their members', () => {
    type Answer = Awaited<ReturnType<Client['simulation']['simulate']>>;
    expectTypeOf<Answer>().toEqualTypeOf<Simulation | Job>();
    expectTypeOf<Extract<Answer, { progress: unknown }>>().toEqualTypeOf<Job>();
    expectTypeOf<Parameters<Client['simulation']['simulate']>[0]>().toExtend<{ rules?: unknown } | undefined>();
    expectTypeOf<{ rules: []; dataset: 'synthetic'; seed: number }>().toExtend<
      NonNullable<Parameters<Client['simulation']['simulate']>[0]>
    >();
  });

  it('keep apart the kinds of a request for approval', () => {
    type Create = Parameters<Client['approvals']['createApproval']>[0];
    expectTypeOf<{ kind: 'activation'; bundle_id: number; justification: string }>().toExtend<Create>();
    expectTypeOf<{ kind: 'activation'; justification: string }>().not.toExtend<Create>();
  });

  it("give a local decision the shape of the server's", () => {
    type Common = Omit<LocalDecision, 'bundle'>;
    expectTypeOf<Pick<Decision, keyof Common>>().toEqualTypeOf<Common>();
  });
});
