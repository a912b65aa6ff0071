import { Button } from '@mantine/core';
import { IconMapPinOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { paths } from '../paths.js';
import { Page } from '../ui/Page.js';
import { EmptyState } from '../ui/states.js';

/** For an address that leads to nothing. */
export function NotFoundPage() {
  return (
    <Page title="Not found" hideTitle>
      <EmptyState
        icon={<IconMapPinOff size={28} />}
        title="There is nothing at this address"
        action={<Button renderRoot={(props) => <Link to={paths.overview} {...props} />}>Go to the overview</Button>}
      >
        It may have been deleted, or the address is not complete.
      </EmptyState>
    </Page>
  );
}
