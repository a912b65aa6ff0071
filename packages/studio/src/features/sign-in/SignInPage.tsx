import { Alert, Anchor, Button, Divider, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultOf } from '../../api/query-client.js';
import { signIn, signsInWith } from '../../api/session.js';
import { usePageTitle } from '../../ui/page-title.js';
import { sentence } from '../../ui/states.js';
import classes from './SignInPage.module.css';

/**
 * How a person comes in, at the address they wanted to see: with a key, or by their organisation. One-time links lead to
 * a page of the server, which works without a script.
 */
export default function SignInPage() {
  usePageTitle('Sign in');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);

  const enter = async (token: string): Promise<void> => {
    setBusy(true);
    setFault(null);
    try {
      // What shows this page shows the one behind it then.
      await signIn(token);
    } catch (error) {
      setFault(faultOf(error).detail);
      setBusy(false);
    }
  };

  return (
    <main className={classes.page}>
      <Stack gap={20} className={classes.panel}>
        <img src="/icon.svg" width={36} height={36} alt="" />
        <div>
          <Title order={1}>Sign in to Policy Studio</Title>
          <Text c="dimmed" mt={4}>
            See, change and try the rules that decide what AI agents may do.
          </Text>
        </div>
        {fault ? (
          <Alert color="red" variant="light" role="alert" title="That did not work">
            {sentence(fault)}
          </Alert>
        ) : null}
        <KeyForm busy={busy} onKey={(token) => void enter(token)} />
        {signsInWith === 'oidc' ? (
          <>
            <Divider label="or" />
            <Button component="a" href="/sign-in/oidc" size="md" fullWidth>
              Sign in with your organisation
            </Button>
          </>
        ) : null}
        <div className={classes.help}>
          <Text size="xs" c="dimmed">
            The first start of a server prints a link that signs in once. Later, an admin makes keys and links in the
            settings; the admin token itself stands in the file <code>admin-token</code> of the data folder.
          </Text>
          <Text size="xs" mt={8}>
            <Anchor href="/docs" size="xs">
              HTTP interface
            </Anchor>
          </Text>
        </div>
      </Stack>
    </main>
  );
}

function KeyForm({ busy, onKey }: { readonly busy: boolean; readonly onKey: (token: string) => void }) {
  const [token, setToken] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onKey(token.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack gap={12}>
        <PasswordInput
          label="API key or admin token"
          description="Becomes a session of this browser; the page does not keep it"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="current-password"
          size="sm"
          required
          autoFocus
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the key', tabIndex: 0, 'aria-hidden': false }}
        />
        <Button type="submit" variant="filled" size="md" fullWidth loading={busy} disabled={token.trim() === ''}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}
