// Tunnels: chains that lead back, attributes that need one another (config reference, 1.9).
import type { CheckParts } from './check-parts.ts';
import { findCycle } from './cycles.ts';
import type { DecodedBlock } from './decode.ts';

/** Checks every tunnel. */
export function checkTunnels(parts: CheckParts): void {
  const { draft, report } = parts;
  const next = new Map<string, string>();
  for (const { ref, block } of draft.all('tunnel')) {
    const via = block.text('via');
    if (via !== null) {
      next.set(ref, via);
    }
  }
  const told = new Set<string>();
  for (const { ref, type, block } of draft.all('tunnel')) {
    const cycle = findCycle(ref, next);
    if (cycle !== null && !cycle.some((member) => told.has(member))) {
      const message = `the chain leads back: ${[...cycle, ref].join(' → ')}`;
      report.error(block.place('via'), {
        code: 'tunnel-cycle',
        message,
        fix: 'let the first tunnel of the chain have no via',
      });
      for (const member of cycle) {
        told.add(member);
      }
    }
    checkType(type, block, parts);
  }
}

function checkType(type: string, block: DecodedBlock, parts: CheckParts): void {
  switch (type) {
    case 'ssh_port_forward':
      needs(block, { name: 'bastion', when: !block.written('via'), why: 'without via' }, parts);
      break;
    case 'kubernetes_port_forward':
      needs(block, { name: 'credential', when: block.written('server'), why: 'with server' }, parts);
      needs(block, { name: 'region', when: block.written('cluster_name'), why: 'with cluster_name' }, parts);
      needs(block, { name: 'cluster_name', when: block.written('region'), why: 'with region' }, parts);
      break;
    case 'tailscale':
      needs(
        block,
        { name: 'tags', when: block.written('oauth_client_secret'), why: 'with oauth_client_secret' },
        parts,
      );
      break;
    default:
  }
}

function needs(
  block: DecodedBlock,
  { name, when, why }: { readonly name: string; readonly when: boolean; readonly why: string },
  { report }: CheckParts,
): void {
  if (when && !block.written(name)) {
    const finding = { code: 'missing-attribute', message: `"${name}" is required ${why}`, fix: `write ${name} = …` };
    report.error(block.at, finding);
  }
}
