// The unit with which systemd routes the machine again after a restart, before there is a network. Pure.
import type { Step } from './journal.ts';

const UNIT_NAME = 'clawpatrol-tunnel.service';
const UNIT_PATH = `/etc/systemd/system/${UNIT_NAME}`;
/** Is there when systemd runs the system (sd_booted(3)). */
export const SYSTEMD_RUNS = '/run/systemd/system';

export const UNIT_STEP: Extract<Step, { kind: 'unit' }> = { kind: 'unit', path: UNIT_PATH, name: UNIT_NAME };

export interface UnitParts {
  /** Node.js, and the program. */
  readonly node: string;
  readonly main: string;
  readonly home: string;
  readonly caDir: string;
}

/** Text of the unit. It stands before the network does, so that there is no moment without the tunnel. */
export function unitText({ node, main, home, caDir }: UnitParts): string {
  const words = [node, main, 'join', '--resume', '--ca-dir', caDir].map(quote).join(' ');
  return `[Unit]
Description=Claw Patrol: this machine's traffic goes through the gateway
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup-dev.service systemd-sysctl.service nftables.service ufw.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
RequiresMountsFor=${quote(caDir)}

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=${quote(`HOME=${home}`)}
ExecStart=${words}

[Install]
WantedBy=sysinit.target
`;
}

/** A word as systemd.syntax(7) reads it: quoted, with its specifiers and variables as they are. */
function quote(word: string): string {
  const text = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return `"${text}"`;
}
