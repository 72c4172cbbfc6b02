// SFTP between the agent and the upstream.
import type { SshHost } from './host.ts';
import type { SshOrigin } from './request.ts';

export interface SftpFilterParts {
  readonly host: SshHost;
  readonly origin: SshOrigin;
  readonly toUpstream: (bytes: Buffer) => void;
  readonly toClient: (bytes: Buffer) => void;
  /** Bytes of the client that are held. */
  readonly held: (heldBytes: number) => void;
  readonly broken: (why: string) => void;
}

export interface SftpFilter {
  fromClient(bytes: Buffer): void;
  fromUpstream(bytes: Buffer): void;
  /** The client sends no more; `done` is called when nothing of it waits. */
  end(done: () => void): void;
  /** Nobody waits for answers any more. */
  abandon(): void;
  /** The upstream is gone. */
  lost(): void;
}

export function createSftpFilter(parts: SftpFilterParts): SftpFilter {
  return {
    fromClient: () => parts.broken('its operations are not judged by this version'),
    fromUpstream: (bytes) => parts.toClient(bytes),
    end: (done) => done(),
    abandon: () => undefined,
    lost: () => undefined,
  };
}
