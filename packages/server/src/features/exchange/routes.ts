import { operations } from '@policy-studio/contract';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { route } from '../../http/route.js';
import { Refusal } from '../../refusal.js';
import type { Services } from '../../services.js';
import { bundleHead, noBundle } from '../bundles/queries.js';
import { makeEvidence } from './evidence.js';
import { exportBundle, exportEnvelope, type SignedDocument } from './export.js';
import { importBundle, verdictOn } from './import.js';
import { evidenceOf, trustedKeys, verifyingKeys } from './queries.js';
import { addTrustedKey, removeTrustedKey } from './trusted-keys.js';

export function exchangeRoutes(app: FastifyInstance, services: Services): void {
  const leaving = ({ params, query }: { params: { id: number }; query: { expiry_hours: number } }) => ({
    id: params.id,
    expiryHours: query.expiry_hours,
  });
  route(app, services, operations.exportBundle, async (input) =>
    send(input.reply, await exportBundle(services, input.caller, leaving(input))),
  );
  route(app, services, operations.downloadBundle, async (input) => {
    const signed = await exportBundle(services, input.caller, leaving(input));
    if (signed instanceof Refusal) return signed;
    input.reply.header('content-disposition', `attachment; filename="policy-bundle-${signed.version}.json"`);
    return send(input.reply, signed);
  });
  route(app, services, operations.exportEnvelope, async (input) =>
    send(input.reply, await exportEnvelope(services, input.caller, leaving(input))),
  );
  route(app, services, operations.importBundle, ({ caller, body }) => importBundle(services, caller, body));
  route(app, services, operations.verifyBundle, ({ caller, body }) => verdictOn(services, caller.workspaceId, body));
  route(app, services, operations.listEvidence, async ({ caller, params }) => {
    const { db, secrets } = services;
    const bundle = await bundleHead(db.pool, caller.workspaceId, params.id);
    if (!bundle) return noBundle(params.id);
    const keys = await verifyingKeys(db.pool, secrets, caller.workspaceId);
    return { digest: bundle.digest, evidence: await evidenceOf(db.pool, caller.workspaceId, bundle.digest, keys) };
  });
  route(app, services, operations.makeEvidence, ({ caller, params, body }) =>
    makeEvidence(services, caller, params.id, body),
  );
  route(app, services, operations.listTrustedKeys, async ({ caller }) => ({
    trusted_keys: await trustedKeys(services.db.pool, caller.workspaceId),
    own: services.secrets.bundleKeys.map(({ id, publicKey }, index) => ({
      key_id: id,
      public_key: publicKey,
      signs: index === 0,
    })),
  }));
  route(app, services, operations.addTrustedKey, ({ caller, body }) => addTrustedKey(services, caller, body));
  route(app, services, operations.removeTrustedKey, ({ caller, params }) =>
    removeTrustedKey(services, caller, params.id),
  );
}

function send(reply: FastifyReply, signed: SignedDocument | Refusal): FastifyReply | Refusal {
  return signed instanceof Refusal ? signed : reply.type('application/json; charset=utf-8').send(signed.json);
}
