declare global {
  /** Read by the kit's scroll lock, which writes a style element of its own. */
  var __webpack_nonce__: string | undefined;
}

/** What lets a style element of ours pass the security policy: the server puts it into the page, anew for each answer. */
export const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

globalThis.__webpack_nonce__ = styleNonce;
