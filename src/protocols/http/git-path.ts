// Paths of git's smart HTTP protocol and of its large-file storage (git documentation, gitprotocol-http; git-lfs, api).

const SMART = /\/(?:info\/refs|git-upload-pack|git-receive-pack|git-upload-archive|info\/lfs(?:\/.*)?)$/;

/** Whether a git client asks for this path over HTTP, where it can only prove itself by Basic. */
export function isGitPath(rawPath: string): boolean {
  return SMART.test(rawPath);
}
