import { operations } from '@policy-studio/contract';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
}

/** What a browser keeps of a site: its cookies, by name, as `Set-Cookie` gave them. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Every `Set-Cookie` so far. */
  readonly set: string[] = [];
  private csrfToken: string | null = null;

  constructor(readonly origin: string) {}

  /** Asks as a page of this server would; redirects are not followed. */
  async ask(path: string, { method = 'GET', headers = {}, body, form }: Asking = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(new URL(path, this.origin), {
      method,
      redirect: 'manual',
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) this.keep(line);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json() {
        return JSON.parse(text) as Record<string, unknown>;
      },
    };
  }

  private keep(line: string): void {
    this.set.push(line);
    const [pair = ''] = line.split(';');
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (/Max-Age=0(;|$)/.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }

  /** Signs in by the API with `{token}` or `{link}`. */
  async signIn(body: Readonly<Record<string, string>>): Promise<Answer> {
    const answer = await this.ask(operations.signIn.path, { method: 'POST', body });
    this.csrfToken = answer.status === 200 ? (answer.json().csrf_token as string) : null;
    return answer;
  }

  /** The header a change needs. */
  async csrf(): Promise<Record<string, string>> {
    this.csrfToken ??= (await this.ask(operations.getSession.path)).json().csrf_token as string;
    return { 'x-csrf-token': this.csrfToken };
  }

  /** Changes something, with the token of the session. */
  async change(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.ask(path, { method, headers: await this.csrf(), ...(body === undefined ? {} : { body }) });
  }
}

/** What follows `link=` in the address of a sign-in link. */
export function codeIn(url: string): string {
  return new URL(url).searchParams.get('link') ?? '';
}
