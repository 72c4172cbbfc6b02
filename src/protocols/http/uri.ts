// URIs that rules compare by prefix, as MCP names resources: canonical, or not known. Nothing is rewritten: what is judged is what is
// sent, and a server may read another spelling as another file.

const URI = /^([a-z][a-z0-9+.-]*):(\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s;
/** Schemes whose URIs have an authority, so that `file:/srv` is a second spelling of `file:///srv`. */
const HIERARCHICAL = new Set(['file', 'http', 'https', 'ftp', 'ws', 'wss']);
// Spaces and control characters, and what templates, Windows or lenient readers give a meaning.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const STRANGE = /[\0-\x20\x7f\\{}<>"^`|]/;
// Escapes of letters, digits and `-._~/\%`, of control characters, and broken ones.
const ESCAPE =
  /%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[Ff]|2[DdEeFf5]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[CcFf]|7[Ee])/;

/** Whether readers agree what the URI names. */
export function isCanonicalUri(uri: string): boolean {
  const match = URI.exec(uri);
  if (match === null || STRANGE.test(uri) || ESCAPE.test(uri)) {
    return false;
  }
  const [, scheme = '', slashes, authority = '', path = ''] = match;
  if (HIERARCHICAL.has(scheme) && slashes === undefined) {
    return false;
  }
  if (authority !== authority.toLowerCase() || authority.includes('@')) {
    return false;
  }
  const pieces = path.split('/');
  return pieces.every((piece, index) => {
    const inner = index > 0 && index < pieces.length - 1;
    return piece !== '.' && piece !== '..' && !(inner && piece === '');
  });
}
