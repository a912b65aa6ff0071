/** The strong ETag of one revision of a bundle: every change of the bundle gives another. */
export function etagOf(bundle: { readonly id: number; readonly revision: number }): string {
  return `"${bundle.id}-${bundle.revision}"`;
}

const entityTag = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/**
 * Whether an `If-Match` header lets a change of the resource with `etag` pass (RFC 9110, 13.1.1): `*`, or one of its tags
 * is that one. Compared strongly, so a weak tag never matches. Null: the header cannot be read.
 */
export function ifMatch(header: string, etag: string): boolean | null {
  if (header.trim() === '*') return true;
  const tags = header
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length === 0 || !tags.every((tag) => entityTag.test(tag))) return null;
  return tags.includes(etag);
}
