import { Fragment } from 'react';

/** Words of the server or the engine, with what they put between backticks as code. `<Quoted text={finding.message} />` */
export function Quoted({ text }: { readonly text: string }) {
  return text.split('`').map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never move
      <code key={index} className="quoted">
        {part}
      </code>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never move
      <Fragment key={index}>{part}</Fragment>
    ),
  );
}
