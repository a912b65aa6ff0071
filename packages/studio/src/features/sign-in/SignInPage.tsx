import { Alert, Anchor, Button, Loader, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { faultOf } from '../../api/query-client.js';
import { signIn } from '../../api/session.js';
import { usePageTitle } from '../../ui/page-title.js';
import { sentence } from '../../ui/states.js';
import classes from './SignInPage.module.css';

/** How a person comes in: a one-time link does it by itself, else a key is typed. */
export default function SignInPage() {
  usePageTitle('Sign in');
  const { link, next } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(link !== undefined);
  const [fault, setFault] = useState<string | null>(null);
  const linkUsed = useRef(false);

  const enter = async (proof: { token: string } | { link: string }): Promise<void> => {
    setBusy(true);
    setFault(null);
    try {
      await signIn(proof);
      await navigate({ href: localAddress(next), replace: true });
    } catch (error) {
      setFault(faultOf(error).detail);
      setBusy(false);
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: a link is good for one try
  useEffect(() => {
    if (link === undefined || linkUsed.current) return;
    linkUsed.current = true;
    // Out of the address, before anybody copies it from there.
    void navigate({ to: '/sign-in', search: next === undefined ? {} : { next }, replace: true });
    void enter({ link });
  }, [link]);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void enter({ token: token.trim() });
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
        {busy && token === '' ? (
          <Text c="dimmed" role="status" className={classes.busy}>
            <Loader size={14} /> Signing in with the link
          </Text>
        ) : (
          <form onSubmit={submit}>
            <Stack gap={12}>
              <PasswordInput
                label="API key or admin token"
                description="Kept by the server as a session of this browser, never stored in the page"
                value={token}
                onChange={(event) => setToken(event.currentTarget.value)}
                autoComplete="current-password"
                size="sm"
                required
                autoFocus
                withAsterisk={false}
                visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
              />
              <Button type="submit" variant="filled" size="md" fullWidth loading={busy} disabled={token.trim() === ''}>
                Sign in
              </Button>
            </Stack>
          </form>
        )}
        {fault ? (
          <Alert color="red" variant="light" role="alert" title="That did not work">
            {sentence(fault)}
          </Alert>
        ) : null}
        <div className={classes.help}>
          <Text size="xs" c="dimmed">
            The first start of a server prints a link that signs in once. Later, an admin makes keys in the settings; the admin
            token itself stands in the file <code>admin-token</code> of the data folder.
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

/** Where to go after: an address of this site and nothing else. */
export function localAddress(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : '/';
}
