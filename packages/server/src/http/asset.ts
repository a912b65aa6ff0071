import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A document that does not change while the server runs, ready to be sent either way. */
export interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
  /** The same by gzip; null where that makes nothing smaller. */
  readonly zipped: Buffer | null;
}

export async function makeAsset(type: string, content: string | Buffer): Promise<Asset> {
  const bytes = Buffer.from(content);
  return {
    type,
    etag: etagOf(bytes),
    bytes,
    zipped: isPacked(type) ? null : await promisify(gzip)(bytes, { level: 9 }),
  };
}

export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}

function isPacked(type: string): boolean {
  return /^(font|image)\//.test(type) && !type.startsWith('image/svg');
}

/** Answers with it, or with 304 to who has it. `cacheControl`: who may keep it, and for how long. */
export function sendAsset(
  request: FastifyRequest,
  reply: FastifyReply,
  asset: Asset,
  cacheControl = 'no-cache',
): FastifyReply {
  reply.header('etag', asset.etag).header('cache-control', cacheControl).header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  reply.type(asset.type);
  const zip = asset.zipped !== null && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  return zip ? reply.header('content-encoding', 'gzip').send(asset.zipped) : reply.send(asset.bytes);
}
