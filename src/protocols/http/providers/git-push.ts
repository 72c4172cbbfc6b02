// The commands at the head of a push: which refs it creates, moves and deletes, known before any pack data (git documentation,
// gitprotocol-pack, "Reference Update Request"; gitprotocol-common, "pkt-line"). Pure and total.

export interface RefCommand {
  readonly ref: string;
  /** Object ids in hex. */
  readonly old: string;
  readonly new: string;
  readonly kind: 'create' | 'update' | 'delete';
}

export interface PushCommands {
  readonly refs: readonly RefCommand[];
  /** Push options, and `push-cert` where the push is signed. */
  readonly options: readonly string[];
}

/** No list of commands is longer: a push of more refs is not read. */
const MAX_LINES = 10_000;
const ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Where in a certificate of a signed push the lines are (gitprotocol-pack, "Push Certificate"). */
type Certificate = 'none' | 'head' | 'commands' | 'signature';
/** A signature goes up to the end of the certificate; git reads what stands before the last one. */
const SIGNATURE = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----$/;

/** Null: it cannot be read, or it does not end within these bytes. What follows the list (the pack) is not looked at. */
export function parsePush(bytes: Buffer): PushCommands | null {
  const list = takeLines(bytes, 0);
  if (list === null) {
    return null;
  }
  const refs: RefCommand[] = [];
  const options: string[] = [];
  let capabilities: readonly string[] | null = null;
  let certificate: Certificate = 'none';
  for (const whole of list.lines) {
    let line = whole;
    // The capabilities follow a NUL on the first line that is no `shallow`.
    const nul = line.indexOf('\0');
    if (nul !== -1) {
      if (capabilities !== null || certificate !== 'none') {
        return null;
      }
      capabilities = line
        .slice(nul + 1)
        .trim()
        .split(' ');
      line = line.slice(0, nul);
    }
    // git joins the lines of a certificate before it reads them: one that is not a line of its own would be another one there.
    if (certificate !== 'none' && !/^[^\n]*\n$/.test(line)) {
      return null;
    }
    line = line.replace(/\n$/, '');
    if (certificate === 'none' ? line === 'push-cert' : line === 'push-cert-end') {
      certificate = certificate === 'none' ? 'head' : 'none';
      options.push(...(certificate === 'head' ? ['push-cert'] : []));
    } else if (certificate === 'head') {
      certificate = line === '' ? 'commands' : 'head';
    } else if (certificate === 'commands' && SIGNATURE.test(line)) {
      certificate = 'signature';
    } else if (certificate !== 'signature' && (certificate === 'commands' || !/^shallow [0-9a-f]+$/.test(line))) {
      const command = parseCommand(line);
      if (command === null) {
        return null;
      }
      refs.push(command);
    }
  }
  if (certificate !== 'none') {
    return null;
  }
  if (capabilities?.includes('push-options') === true && refs.length > 0) {
    const more = takeLines(bytes, list.end);
    if (more === null) {
      return null;
    }
    options.push(...more.lines.map((line) => line.replace(/\n$/, '')));
  }
  return { refs, options };
}

function parseCommand(line: string): RefCommand | null {
  const [old = '', next = '', ...rest] = line.split(' ');
  const ref = rest.join(' ');
  // oxlint-disable-next-line no-control-regex -- what a ref may not hold
  if (!ID.test(old) || !ID.test(next) || ref === '' || /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|\/\//.test(ref)) {
    return null;
  }
  const kind = /^0+$/.test(next) ? 'delete' : /^0+$/.test(old) ? 'create' : 'update';
  return { ref, old, new: next, kind };
}

/** Lines up to the flush packet, and where it ends. */
function takeLines(bytes: Buffer, from: number): { readonly lines: readonly string[]; readonly end: number } | null {
  const lines: string[] = [];
  for (let at = from; lines.length <= MAX_LINES;) {
    const head = bytes.toString('latin1', at, at + 4);
    if (head === '0000') {
      return { lines, end: at + 4 };
    }
    const length = /^[0-9a-fA-F]{4}$/.test(head) ? Number.parseInt(head, 16) : 0;
    if (length < 5 || at + length > bytes.length) {
      return null;
    }
    const raw = bytes.subarray(at + 4, at + length);
    const line = raw.toString('utf8');
    // A ref that is not UTF-8 would be another one as text.
    if (!Buffer.from(line, 'utf8').equals(raw)) {
      return null;
    }
    lines.push(line);
    at += length;
  }
  return null;
}
