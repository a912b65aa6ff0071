import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ProviderOptions {
  readonly redirectUri: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By the name people log in with, which is their `sub`. */
  readonly accounts: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Else they are at the UserInfo endpoint alone. */
  readonly claimsInIdToken: boolean;
}

export interface IdentityProvider {
  readonly issuer: string;
  /**
   * What a person does there: goes to `url`, logs in as `login`, consents; or goes away. Returns where the provider leads
   * back to.
   */
  visit(url: string, login: string, options?: { readonly cancel?: boolean }): Promise<URL>;
  stop(): void;
}

/** Starts the provider as a process of its own. */
export async function startIdentityProvider(options: ProviderOptions): Promise<IdentityProvider> {
  const script = fileURLToPath(new URL('identity-provider.child.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'ignore'] });
  const issuer = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString('utf8').trim()));
    child.once('exit', (code) => reject(new Error(`the identity provider ended with ${code}`)));
  });
  return {
    issuer,
    stop: () => void child.kill('SIGKILL'),
    visit: (url, login, { cancel = false } = {}) =>
      visit({ issuer, redirectUri: options.redirectUri, url, login, cancel }),
  };
}

interface Visit {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly url: string;
  readonly login: string;
  readonly cancel: boolean;
}

async function visit({ issuer, redirectUri, url, login, cancel }: Visit): Promise<URL> {
  const jar = new Map<string, string>();
  const go = async (where: URL, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(where, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return response;
  };
  let answer = await go(new URL(url));
  for (let step = 0; step < 12; step += 1) {
    const location = answer.headers.get('location');
    if (location?.startsWith(redirectUri)) return new URL(location);
    if (location !== null) {
      answer = await go(new URL(location, issuer));
      continue;
    }
    const page = await answer.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (action === undefined || prompt === undefined)
      throw new Error(`the provider shows no form:\n${page.slice(0, 500)}`);
    const abort = /href="([^"]*abort[^"]*)"/.exec(page)?.[1];
    answer =
      cancel && abort !== undefined
        ? await go(new URL(abort, issuer))
        : await go(new URL(action, issuer), { prompt, login, password: 'any' });
  }
  throw new Error('the provider leads nowhere');
}
