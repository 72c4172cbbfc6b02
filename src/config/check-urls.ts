// URLs that the gateway itself calls: a notifier, a context or a reviewer that leads to a metadata service, or a notifier that leads to this
// machine, is hardly what was meant. The dialler refuses metadata by name and this gateway's own listeners whatever is written here.
import type { CheckParts } from './check-parts.ts';
import type { DecodedBlock } from './decode.ts';
import { cidrContains, isLoopbackHost, parseCidr, parseIp } from './hosts.ts';
import type { Cidr } from './hosts.ts';

const METADATA_NAMES: ReadonlySet<string> = new Set(['metadata', 'metadata.google.internal', 'instance-data']);
/** Link-local, and the addresses outside of it: Alibaba Cloud, Azure, Oracle Cloud, AWS and Google Cloud. */
const METADATA: readonly Cidr[] = [
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fe80::/10',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
].flatMap((text) => parseCidr(text) ?? []);

/** Checks every URL that is called, not those that are served. */
export function checkUrls({ draft, report }: CheckParts): void {
  const warn = (block: DecodedBlock, name: string, where: string): void => {
    const message = `"${name}" leads to ${where}`;
    report.warning(block.place(name), {
      code: 'internal-url',
      message,
      fix: 'write the address of the service that is meant',
    });
  };
  for (const kind of ['notifier', 'context', 'approver'] as const) {
    for (const { block } of draft.all(kind)) {
      for (const name of ['url', 'base_url', 'api_url']) {
        const host = hostOf(block.written(name) ? block.text(name) : null);
        if (host !== null && isMetadata(host)) {
          warn(block, name, 'a metadata service of a cloud, or to a link');
        } else if (host !== null && kind === 'notifier' && isLoopbackHost(host)) {
          // Models are run on the same machine on purpose; channels are not.
          warn(block, name, 'this machine');
        }
      }
    }
  }
}

function isMetadata(host: string): boolean {
  const ip = parseIp(host);
  return METADATA_NAMES.has(host) || (ip !== null && METADATA.some((cidr) => cidrContains(cidr, ip)));
}

function hostOf(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) {
    return null;
  }
  return new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
