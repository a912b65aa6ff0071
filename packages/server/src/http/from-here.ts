import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * Whether somebody at this machine asks: not through a proxy that runs here and says so, and not a page of another site
 * whose name was made to lead here.
 */
export function isFromHere({ ip, headers }: Pick<FastifyRequest, 'ip' | 'headers'>): boolean {
  if (['x-forwarded-for', 'forwarded', 'via'].some((name) => headers[name] !== undefined)) return false;
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isLoopbackAddress(ip) && (host.toLowerCase() === 'localhost' || isLoopbackAddress(host));
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('::ffff:127.') || (isIP(address) === 4 && address.startsWith('127.'));
}
