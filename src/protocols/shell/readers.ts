// Programs that only read, with the options that are known to do no harm. Data: a program, an option or an abbreviation that is not here
// is not safe. Compared with the manuals of coreutils 9, grep 3, procps 4, util-linux 2.38, systemd 252 and what BusyBox shares with them.
import { optionSpec } from './getopt.ts';
import type { OptionSpec } from './getopt.ts';

/** What the words that are no options are to a program. */
export type Operands =
  /** Files whose content comes out. */
  | 'files'
  /** The first is a pattern or program text (unless an option gave it), the others are such files. */
  | 'pattern'
  /** At most one such file: a second would be written to. */
  | 'one-file'
  /** Anything: names of files whose content does not come out, text, numbers. */
  | 'any'
  /** There may be none. */
  | 'none'
  /** A format: begins with `+`. */
  | 'format';

const OPERANDS: readonly Operands[] = ['files', 'pattern', 'one-file', 'any', 'none', 'format'];

export interface Reader {
  readonly spec: OptionSpec;
  readonly operands: Operands;
  /** Other options of the same program write or run something: a word that may become an option is not read. */
  readonly hazard: boolean;
  /** Options with which it reads whole trees. */
  readonly trees: readonly string[];
  /** Options whose value is a file that is read. */
  readonly files: readonly string[];
  /** Options that give the pattern. */
  readonly patterns: readonly string[];
}

const SUM = 'bctwz - check,quiet,status,ignore-missing,strict,warn,tag,binary,text';
const GREP =
  'EFGPiyvwxzscLlqoHhnbTUZaIrR efABCm extended-regexp,fixed-strings,basic-regexp,perl-regexp,ignore-case,no-ignore-case,' +
  'invert-match,word-regexp,line-regexp,null-data,no-messages,count,files-without-match,files-with-matches,quiet,silent,' +
  'only-matching,with-filename,no-filename,line-number,byte-offset,null,text,recursive,dereference-recursive,color?,colour?,' +
  'regexp=,file=,after-context=,before-context=,context=,max-count=,include=,exclude=,exclude-dir=,binary-files=,line-buffered,label=';

/** `program: flags valued long: operands: marks`. Marks: `hazard`, `numbers`, `tree=a,b`, `file=a,b`, `pattern=a,b`. */
const LINES = `
cat: AbeEnstTuv - number,show-all,number-nonblank,show-ends,squeeze-blank,show-tabs,show-nonprinting: files
head: qvz nc lines=,bytes=,quiet,silent,verbose,zero-terminated: files: numbers
tail: fFqvzr ncs follow?,retry,pid=,sleep-interval=,lines=,bytes=,quiet,silent,verbose,zero-terminated: files: numbers
wc: clmLw - bytes,chars,lines,words,max-line-length: files
cut: nsz bcdf delimiter=,fields=,characters=,bytes=,only-delimited,complement,output-delimiter=,zero-terminated: files
tr: cCdst - complement,delete,squeeze-repeats,truncate-set1: any
sort: bdfgiMhnRrVcCmsuz kt numeric-sort,reverse,unique,key=,field-separator=,human-numeric-sort,version-sort,general-numeric-sort,ignore-case,ignore-leading-blanks,stable,check?,month-sort,dictionary-order,zero-terminated,random-sort,merge: files: hazard
uniq: cdDiuz fsw count,repeated,unique,ignore-case,skip-fields=,skip-chars=,check-chars=,zero-terminated: one-file: hazard
grep: ${GREP}: pattern: numbers tree=r,R,recursive,dereference-recursive file=f,file pattern=e,f,regexp,file
egrep: ${GREP}: pattern: numbers tree=r,R,recursive,dereference-recursive file=f,file pattern=e,f,regexp,file
fgrep: ${GREP}: pattern: numbers tree=r,R,recursive,dereference-recursive file=f,file pattern=e,f,regexp,file
zgrep: EFGivwxcLlqoHhnb eABCm ignore-case,count,line-number,quiet,no-filename,with-filename,only-matching: pattern: hazard numbers pattern=e
rg: cFhHiIlLnNoqsSuUvwx0aPp.V ABCeEgmMrtTj ignore-case,files,files-with-matches,count,hidden,no-ignore,max-count=,line-number,no-line-number,no-heading,heading,color=,sort=,json,stats,fixed-strings,word-regexp,multiline,context=,glob=,type=,no-messages,max-depth=,only-matching,invert-match,no-filename,with-filename,smart-case,case-sensitive: pattern: hazard tree=* pattern=e
diff: abBcdeEiNnpqrstTuwy CUxIFLW unified?,context?,brief,recursive,side-by-side,ignore-all-space,ignore-space-change,ignore-blank-lines,ignore-case,color?,new-file,report-identical-files,suppress-common-lines,width=,text,strip-trailing-cr: files: tree=*
cmp: bls in verbose,silent,quiet,bytes=,print-bytes,ignore-initial=: files
comm: 123z - nocheck-order,check-order,output-delimiter=,total: files
join: iz taveo12j ignore-case,header,nocheck-order,check-order: files
paste: sz d serial,delimiters=: files
tac: br s before,regex,separator=: files
nl: p bdfhilnsvw body-numbering=,number-width=,number-format=: files
fold: bs w bytes,spaces,width=: files
rev: - - -: files
expand: i t initial,tabs=: files
unexpand: a t all,tabs=: files
column: tenxLJ csoNRHlT table,separator=,output-separator=,output-width=,json,fillrows,table-columns=: files
md5sum: ${SUM}: files
sha1sum: ${SUM}: files
sha224sum: ${SUM}: files
sha256sum: ${SUM}: files
sha384sum: ${SUM}: files
sha512sum: ${SUM}: files
b2sum: ${SUM}: files
cksum: - - -: files
sum: rs - -: files
base64: diD w decode,ignore-garbage,wrap=: files
base32: di w decode,ignore-garbage,wrap=: files
od: abcdfiloOsxv AjNtSw? address-radix=,skip-bytes=,read-bytes=,format=,output-duplicates,width?: files
hexdump: bcCdoxv ns canonical,length=,skip=,no-squeezing: files
xxd: abeEiup cglson -: one-file: hazard
strings: af nte all,bytes=,radix=,encoding=: files
zcat: f - -: files: hazard
stat: Lft c dereference,file-system,format=,printf=,terse: any
file: bhiLNprsk0 F brief,mime,mime-type,mime-encoding,dereference,no-dereference,keep-going: any: hazard
du: abcDhHkLlmPsSx0 dBt max-depth=,human-readable,summarize,total,all,apparent-size,one-file-system,exclude=,time?,threshold=,bytes,si,block-size=,null,separate-dirs: any: hazard
date: uRI d utc,universal,rfc-3339=,iso-8601?,date=,rfc-email: format: hazard
hostname: fiIsdAy - fqdn,long,all-ip-addresses,ip-address,short,domain,all-fqdns: none: hazard
dmesg: dehHkLprStTuwWxJP lfs human,ctime,reltime,level=,facility=,follow,decode,notime,color?,since=,until=,kernel,userspace,nopager,time-format=,json,raw,show-delta: none: hazard
sar: AbBdFhHpqrRSuvVwWyz n?P?I?s?e?i? human,pretty,dec=: any: hazard
ss: nlraetompisbxuwd046HOSTZzEVh Af numeric,listening,all,processes,tcp,udp,unix,summary,extended,memory,info,ipv4,ipv6,no-header,options,raw,resolve,query=,family=,oneline,timers: any: hazard
journalctl: abefklmqrxN utopgSUcFn? unit=,since=,until=,priority=,identifier=,grep=,output=,lines?,boot?,no-pager,follow,reverse,dmesg,all,quiet,no-tail,user,system,utc,no-hostname,case-sensitive?,user-unit=,catalog,list-boots,disk-usage,fields,field=,header,no-full,full,merge,show-cursor,after-cursor=,cursor=,output-fields=,facility=,pager-end,transport=,version,exclude-identifier=,truncate-newline: any: hazard numbers
crontab: l u -: none: hazard
uptime: psV - pretty,since,raw: none: hazard
users: - - -: none: hazard
who: abdHlmpqrstTuw - all,boot,dead,heading,login,count,runlevel,users: none: hazard
last: aFdiRwx0123456789 nstp hostlast,fulltimes,nohostname,limit=,since=,until=,present=,system,time-format=,ip,dns: any
tree: adfilxpsughDFqnNCAJX LPI dirsfirst,noreport,du,prune,filelimit=,timefmt=: any: hazard
shuf: ez in echo,input-range=,head-count=,repeat,zero-terminated: files: hazard
seq: w fs equal-width,format=,separator=: any
jq: acCMnrsSjeR - arg=,compact-output,raw-output,raw-input,null-input,slurp,sort-keys,color-output,monochrome-output,join-output,exit-status,tab,ascii-output: pattern: hazard
yq: rPCMNjeyS oIp output-format=,input-format=,prettyPrint,no-colors,colors,no-doc,indent=,unwrapScalar?,exit-status,null-input: pattern: hazard
sysctl: aAneNx - all,names,values,ignore,pattern=: any: hazard
lsblk: abdDfiJlmnOpPrsStTvz oexIMQ all,bytes,nodeps,discard,fs,ascii,json,list,perms,noheadings,output=,output-all,paths,pairs,raw,inverse,scsi,topology,zoned,tree?,exclude=,include=,sort=: any
findmnt: aAbcDeflnrRuUvyJkmPsit oOMNSTtd all,df,json,list,noheadings,output=,raw,types=,target=,source=,mountpoint=,real,pseudo,kernel,fstab,mtab,bytes,tree,ascii,evaluate,first-only,submounts,uniq,notruncate: any: hazard
swapon: s - show?,summary,noheadings,bytes,raw: none: hazard
nproc: - - all,ignore=: any
pidof: sxcn o -: any
pwdx: - - -: any
pmap: xXdqpA - extended,device,quiet,show-path: any: hazard
pstree: aAcGgHhlnNpsStTuUZC - arguments,ascii,compact-not,highlight-all,long,numeric-sort,show-pids,show-parents,uid-changes,unicode,thread-names,hide-threads,show-pgids: any
`;

function readerOf(options: string, operands: string, marks: string): Reader {
  const mark = (name: string): readonly string[] =>
    marks
      .split(' ')
      .find((word) => word.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(',') ?? [];
  return {
    spec: optionSpec(options, { numbers: marks.includes('numbers') }),
    operands: OPERANDS.find((kind) => kind === operands) ?? 'none',
    hazard: marks.includes('hazard'),
    trees: mark('tree'),
    files: mark('file'),
    patterns: mark('pattern'),
  };
}

/** By program. */
export const READERS: ReadonlyMap<string, Reader> = new Map(
  LINES.trim()
    .split('\n')
    .map((line) => {
      const [name = '', options = '', operands = '', marks = ''] = line.split(': ');
      return [name, readerOf(options, operands, marks)] as const;
    }),
);

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** No option and no operand of these writes, runs anything, or shows what a file holds. */
export const HARMLESS: ReadonlySet<string> = words(`
  ls free df uname whoami id groups lscpu lsmod lsns lsipc lslocks lsirq lspci lsusb arch
  vmstat iostat mpstat pgrep netstat w true false pwd basename dirname realpath readlink sleep echo
  type which whereis tty logname hostid : times
`);

/** Prints the environment, or asks other hosts by name: more than reading, less than changing. */
export const LEAVING: ReadonlySet<string> = words('printenv dig host nslookup getent traceroute tracepath mtr whois');

/** Destructive programs that are known, by what they do (fact reference, 7.10). They start no program that the text does not name. */
export const DESTRUCTIVE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    delete: 'rm rmdir unlink shred truncate wipefs',
    file: `dd mv cp ln install chmod chown chattr setfacl chgrp mkfifo mknod fallocate split csplit tar zip unzip gzip gunzip bzip2 xz
      unxz zstd 7z cpio ar patch rename mktemp sponge logrotate updatedb`,
    disk: `mkfs mke2fs mkswap fdisk sfdisk cfdisk parted mount umount swapoff swapon lvcreate lvremove lvextend lvreduce lvchange
      lvresize lvrename vgcreate vgremove vgextend vgreduce vgchange vgrename pvcreate pvremove pvmove pvresize pvchange zfs zpool
      btrfs mdadm cryptsetup losetup resize2fs tune2fs e2fsck fsck xfs_repair xfs_growfs blkdiscard hdparm dmsetup`,
    kill: 'pkill killall skill snice renice',
    power: 'shutdown reboot halt poweroff init telinit kexec',
    network_config:
      'iptables ip6tables iptables-restore ip6tables-restore nft ufw firewall-cmd tc ifconfig route ifup ifdown nmcli arp brctl',
    kernel: 'modprobe insmod rmmod depmod sysctl',
    identity: `useradd usermod userdel adduser deluser groupadd groupdel groupmod addgroup passwd chpasswd visudo chsh chfn gpasswd newgrp
      vipw loginctl hostnamectl timedatectl localectl update-alternatives setcap`,
    schedule: 'crontab at batch atrm anacron systemd-run',
    packages:
      'apt apt-get aptitude dpkg yum dnf rpm zypper pacman apk snap flatpak pip pip3 npm yarn pnpm gem cargo brew easy_install',
    network: `curl wget nc ncat netcat socat telnet ftp tftp scp sftp rsync lftp aria2c http https mail mailx sendmail mutt openssl smbclient
      kinit ldapsearch ldapmodify snmpwalk nmap fping iperf iperf3`,
    database: `psql mysql mysqldump mysqladmin mariadb redis-cli mongo mongosh mongodump clickhouse-client clickhouse sqlite3 pg_dump
      pg_restore cqlsh influx etcdctl consul vault`,
    cluster:
      'kubectl helm terraform tofu docker podman crictl ctr nerdctl oc kubeadm aws gcloud az gsutil git nginx apachectl httpd',
    trace: 'tcpdump tshark',
    service: 'systemctl service rc-service supervisorctl initctl journalctl dmesg',
    signal: 'kill',
  }).flatMap(([cause, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name): [string, string] => [name, cause]),
  ),
);

/** Run code, scripts or programs that the text does not show. */
export const INTERPRETERS: ReadonlySet<string> = words(`
  python perl ruby node nodejs php lua luajit tclsh wish expect Rscript R java deno bun osascript guile scheme racket ocaml ghci
  runghc groovy scala kotlin jshell erl elixir iex julia pwsh powershell fish csh tcsh m4 gdb strace ltrace perf bpftrace stap make
  gmake cmake ninja go rake ansible ansible-playbook puppet chef-client salt salt-call fabric capistrano npx bundle pipx uv uvx poetry
  sqlplus ed ex parallel run-parts start-stop-daemon daemonize dtach systemd-nspawn bwrap firejail fakeroot proot qemu-system-x86_64
  chpst setuidgid su-exec gosu tini dumb-init entr socklog runsv svc dbus-send busctl gdbus machinectl virsh lxc lxc-exec
  incus vagrant jexec cloud-init debconf dpkg-reconfigure update-initramfs certbot ld.so ld-linux.so ld-linux-x86-64.so
`);

/** Take keys, or a script that is hidden in their arguments. */
export const INTERACTIVE: ReadonlySet<string> = words(`
  vi vim nvim view vimdiff rvim gvim emacs nano pico micro joe mcedit mc ranger less more most pg man info htop atop btop iotop
  glances lynx w3m links elinks alsamixer menuconfig dialog whiptail cmatrix sudoedit vigr ncdu nmtui minicom cu picocom top
`);

/** A session of their own, in which anything may be typed. */
export const SESSIONS: ReadonlySet<string> = words(
  'screen tmux zellij byobu abduco mosh-server login sulogin agetty sshd dropbear',
);

/** Builtins that change how the rest of the text is read. */
export const CHANGES_READING: ReadonlySet<string> = words(`
  alias unalias set shopt trap enable hash setopt unsetopt emulate autoload zmodload bindkey export declare typeset local readonly unset
  unsetenv let mapfile readarray getopts complete compgen compopt fc history bind disown suspend pushd popd dirs umask ulimit caller
  functions unfunction vared zle zstyle print sched ttyctl limit unlimit rehash
`);

/** Variables that a command may be given: they change how text looks, not what runs. */
export function isHarmlessVariable(name: string): boolean {
  return /^(?:LANG|LC_[A-Z]+|LANGUAGE|TERM|COLORTERM|COLUMNS|LINES|TZ|NO_COLOR|CLICOLOR|DEBIAN_FRONTEND|SYSTEMD_COLORS)$/.test(
    name,
  );
}

/** Names of locales, zones and terminals; libraries take some paths for files of their own. */
export function isHarmlessValue(value: string): boolean {
  return /^(?:[\w@.,+-][\w@.,:+/-]{0,63})?$/.test(value) && !value.includes('..');
}

/** Names that a text may give values to without changing what its commands do: plain lower-case ones. zsh ties some to others. */
export function isPlainVariable(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !ZSH_VARIABLES.has(name);
}

const ZSH_VARIABLES: ReadonlySet<string> = words(`
  path fpath cdpath manpath mailpath module_path fignore watch psvar prompt status argv aliases galiases saliases functions
  commands options parameters modules history historywords dirstack nameddirs userdirs builtins reswords keymaps widgets _
  histchars functrace funcstack funcfiletrace funcsourcetrace dis_aliases dis_functions dis_builtins zsh_eval_context jobdirs jobstates jobtexts
`);

/** Variables whose value is no secret. */
export function isKnownValue(name: string): boolean {
  return /^(?:[?#$!@*0-9-]|\d+|HOME|USER|LOGNAME|HOSTNAME|PWD|OLDPWD|SHELL|PATH|LANG|TERM|UID|EUID|PPID|RANDOM|SECONDS|LINENO|BASHPID|IFS)$/.test(
    name,
  );
}

/** Directories from which a program is what its name says. */
export function isStandardPath(path: string): boolean {
  return (
    !path.includes('/') ||
    /^\/(?:usr\/(?:local\/)?)?s?bin\/[^/]+$/.test(path) ||
    /^\/usr\/lib(?:exec)?\/(?:(?:openssh|ssh)\/)?sftp-server$/.test(path)
  );
}
