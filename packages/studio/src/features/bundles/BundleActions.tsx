import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { type Answer, client } from '../../api/client.js';
import { faultOf } from '../../api/query-client.js';
import { useRefusal } from '../../api/session.js';
import { paths } from '../../paths.js';
import { ActionButton } from '../../ui/ActionButton.js';
import { ConfirmDialog } from '../../ui/dialogs.js';

type Bundle = Answer<'bundles', 'getBundle'>;

/** Puts a bundle out of the way: a draft is deleted, what has decided is archived, what is in force stays. */
export function BundleActions({ bundle }: { readonly bundle: Bundle }) {
  const { id, version, status } = bundle;
  const isDraft = status === 'draft';
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  const refusal = useRefusal(isDraft ? 'deleteBundle' : 'archiveBundle');
  const inForce = ['active', 'canary', 'shadow'].includes(status) ? 'It is in force: roll it back first' : null;
  const change = useMutation({
    mutationFn: async () => {
      if (isDraft) await client.bundles.deleteBundle({ id });
      else await client.bundles.archiveBundle({ id });
    },
    onSuccess: async () => {
      setAsking(false);
      notifications.show({ message: isDraft ? `${version} is deleted` : `${version} is archived` });
      if (isDraft) await navigate({ to: paths.bundles });
    },
  });
  if (status === 'archived') return null;
  return (
    <>
      <ActionButton disabledBecause={refusal ?? inForce} onClick={() => setAsking(true)}>
        {isDraft ? 'Delete draft' : 'Archive'}
      </ActionButton>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={isDraft ? `Delete the draft ${version}?` : `Archive ${version}?`}
        verb={isDraft ? 'Delete' : 'Archive'}
        destructive={isDraft}
        busy={change.isPending}
        fault={change.error ? faultOf(change.error).detail : null}
        onConfirm={() => change.mutate()}
      >
        {isDraft
          ? 'Its rules are gone with it. Requests for its approval are withdrawn; the audit trail keeps that it was there.'
          : 'It stays readable and in the history, and can no longer be activated.'}
      </ConfirmDialog>
    </>
  );
}
