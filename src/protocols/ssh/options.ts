// The endpoint's own attributes in the form that judging needs. Made once per configuration of an endpoint.
import type { EndpointConfig } from '../../config/config.ts';

export interface SshOptions {
  /** The login shell upstream reads text as a POSIX shell does. */
  readonly posix: boolean;
  /** Absolute, without a slash at the end. */
  readonly scratchDirs: readonly string[];
}

const made = new WeakMap<EndpointConfig, SshOptions>();

export function readOptions(config: EndpointConfig): SshOptions {
  const known = made.get(config);
  if (known !== undefined) {
    return known;
  }
  const { shell_family: family, scratch_dirs: dirs } = config.attributes;
  const options: SshOptions = {
    posix: family === undefined || family === 'posix',
    scratchDirs: (Array.isArray(dirs) ? dirs : [])
      .filter((dir) => typeof dir === 'string')
      .filter((dir) => dir.startsWith('/') && dir !== '/')
      .map((dir) => (dir.endsWith('/') ? dir.slice(0, -1) : dir)),
  };
  made.set(config, options);
  return options;
}
