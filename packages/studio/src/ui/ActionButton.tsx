import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { MouseEventHandler, ReactNode } from 'react';

interface ActionButtonProps extends ButtonProps {
  /** Why it cannot be used now; null: it can. */
  readonly disabledBecause?: string | null;
  readonly onClick?: MouseEventHandler<HTMLButtonElement>;
  readonly children: ReactNode;
}

/**
 * A button that says why it cannot be used, on hover and on focus: it stays in reach of the keyboard.
 * `<ActionButton disabledBecause="Only a draft can be changed">Save</ActionButton>`
 */
export function ActionButton({ disabledBecause = null, onClick, children, ...props }: ActionButtonProps) {
  if (disabledBecause === null) {
    return (
      <Button {...props} {...(onClick ? { onClick } : {})}>
        {children}
      </Button>
    );
  }
  return (
    <Tooltip label={disabledBecause}>
      <Button {...props} data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
        {children}
      </Button>
    </Tooltip>
  );
}
