/** Content-Security-Policy of what is no page: nothing is loaded, nothing is framed. */
export const noPagePolicy = {
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
} as const;

/** For answers that are given before the server's hooks are reached: to what is no HTTP, to addresses that cannot be read. */
export const bareHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': Object.entries(noPagePolicy)
    .map(([name, values]) => `${name} ${values.join(' ')}`)
    .join(';'),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};
