import { Avatar } from '@mantine/core';

/** The initials by which a person is known at a glance: two of words, else the first letter. */
export function initialsOf(name: string): string {
  const words = name
    .replace(/@.*/, '')
    .split(/[\s._-]+/)
    .filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...(word ?? '?')][0]?.toUpperCase()).join('');
}

/** A person as a round mark; the name stands beside it or in a tooltip. */
export function PersonMark({ name, size = 22 }: { readonly name: string; readonly size?: number }) {
  return (
    <Avatar
      size={size}
      radius="xl"
      variant="transparent"
      aria-hidden
      styles={{
        root: { backgroundColor: 'var(--ps-accent-tint)' },
        placeholder: { color: 'var(--ps-accent)', fontSize: size * 0.42, fontWeight: 600 },
      }}
    >
      {initialsOf(name)}
    </Avatar>
  );
}
