// Paths of git's smart HTTP protocol and of its large-file storage (git documentation, gitprotocol-http; git-lfs, api).

/** Where the path of a repository ends in one of git's own. */
export const GIT_ENDING = /\/(?:info\/refs|git-upload-pack|git-receive-pack|git-upload-archive|info\/lfs(?:\/.*)?)$/;

const WORDS: readonly string[] = ['git-upload-pack', 'git-receive-pack', 'git-upload-archive'];

/** Whether one of these words, as segments of a path that readers take apart in different ways, could make it a path of git. */
export function mayBeGitPath(segments: readonly string[]): boolean {
  return (
    segments.some((segment) => WORDS.includes(segment)) ||
    (segments.includes('info') && (segments.includes('refs') || segments.includes('lfs')))
  );
}

/** Whether a git client asks for this path over HTTP, where it can only prove itself by Basic. */
export function isGitPath(rawPath: string): boolean {
  return GIT_ENDING.test(rawPath);
}
