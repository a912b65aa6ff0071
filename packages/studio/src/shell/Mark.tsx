/** The sign of Policy Studio: a shield with a check. */
export function Mark({ size }: { readonly size: number }) {
  return <img src="/icon.svg" width={size} height={size} alt="" />;
}
