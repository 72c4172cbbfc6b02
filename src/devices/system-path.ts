// Where programs that set up the network are found.

/** Where Debian, Fedora, Alpine and Arch keep them; the caller's PATH is not asked. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';
