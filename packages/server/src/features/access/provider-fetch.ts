/** What an identity provider may answer with. */
const maxBytes = 512 * 1024;
const timeoutMs = 5_000;

/** `fetch` for the documents of an identity provider: bounded in time and size, and to no other address than asked. */
export const providerFetch: typeof fetch = async (input, init) => {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  const response = await fetch(input, { ...init, signal, redirect: 'manual' });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the identity provider answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const body = [101, 204, 205, 304].includes(response.status) ? null : Buffer.concat(chunks);
  return new Response(body, { status: response.status, headers: response.headers });
};
