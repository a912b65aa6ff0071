// An OpenID provider as a process of its own: the `oidc-provider` package, with its own pages for login and consent.
// Its argument is JSON: {redirectUri, clientId, clientSecret, accounts: {<login>: claims}, claimsInIdToken}.
// It writes its address to standard output, once.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { redirectUri, clientId, clientSecret, accounts, claimsInIdToken } = JSON.parse(process.argv[2] ?? '{}');
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  pkce: { required: () => true },
  conformIdTokenClaims: !claimsInIdToken,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
});
server.on('request', provider.callback());
process.stdout.write(`${issuer}\n`);
