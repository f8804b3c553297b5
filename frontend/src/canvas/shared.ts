// The token stands in the fragment, which a browser sends to nobody: it is in no log.
const PREFIX = "#shared=";

export const sharedAddress = (token: string): string => `${location.origin}${location.pathname}${PREFIX}${token}`;

/** What the address of this page gives leave to read; null where it is a page of one's own. */
export function sharedToken(): string | null {
  return location.hash.startsWith(PREFIX) ? location.hash.slice(PREFIX.length) : null;
}
