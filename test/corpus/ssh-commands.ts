// Command lines: what people on call run to look at a machine, and what must not pass for looking.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A command in each line. */
const lines = (name: string): readonly string[] =>
  readFileSync(join(process.cwd(), 'test/corpus', name), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

/** Pass under config/policies/ssh-readonly.hcl. */
export const READING: readonly string[] = [
  ...lines('ssh-reading.txt'),
  '  uptime  ',
  'uptime\n',
  'uptime\ndf -h\n',
  'cat <<EOF\nhello\nEOF',
  "cat <<'EOF' | grep x\nx $y `z`\nEOF\nuptime",
  'df -h \\\n  | sort',
  'if true\nthen\n  uptime\nelse\n  date\nfi',
];

/** Do not pass: writing, running what is not seen, other accounts, other hosts, secrets, or what cannot be read. */
export const NOT_READING: readonly string[] = [
  ...lines('ssh-not-reading.txt'),
  '',
  '   ',
  '# nothing',
  'uptime\nrm x',
  'uptime\r\n',
  'uptime\u0000',
  'uptime\u00a0x',
  'uptime\u2028rm x',
  '\ufeffuptime',
  'uptime \u001b[2J',
  'ls \u007f',
  'cat <<EOF\n$(rm x)\nEOF',
  'cat <<EOF\n`rm x`\nEOF',
  'cat <<EOF\nx\\\nEOF\nrm x\nEOF',
  'cat <<EOF | sh\nrm x\nEOF',
  "bash <<'EOF'\nrm x\nEOF",
  'cat <<A <<B\nA\nrm x\nB\nrm x',
  'echo é\\;rm x',
  'ls #\nrm x',
  'ls \\\n; rm x',
  'l\\\ns',
  `echo ${'$(('.repeat(60)}`,
  `${'('.repeat(100)}ls${')'.repeat(100)}`,
  `echo ${'a'.repeat(140_000)}`,
];
