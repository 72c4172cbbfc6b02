// Runs one SQL text through the quickstart's gateway, as an agent would: node scripts/quickstart-query.mjs "SELECT 1".
// For machines without psql. Prints notices, rows and the error as they come.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const RUN_FILE = join(dirname(fileURLToPath(import.meta.url)), '..', '.quickstart', 'run.json');

const sql = process.argv[2];
if (sql === undefined) {
  console.error('usage: node scripts/quickstart-query.mjs "SQL"');
  process.exit(2);
}
const port = existsSync(RUN_FILE) ? JSON.parse(readFileSync(RUN_FILE, 'utf8')).port : 15432;
const client = new pg.Client({ host: '127.0.0.1', port, user: 'agent', password: 'anything', database: 'shop' });
client.on('notice', ({ message, hint }) => {
  console.log(`NOTICE:  ${message}${hint === undefined ? '' : `\nHINT:  ${hint}`}`);
});
try {
  await client.connect();
  const results = [await client.query({ text: sql, rowMode: 'array' })].flat();
  results.forEach(print);
} catch (error) {
  if (error.code === 'ECONNREFUSED') {
    console.error(`nothing listens on 127.0.0.1:${port}: start the quickstart with npm start`);
  } else {
    console.error(`ERROR:  ${error.code === undefined ? '' : `${error.code}: `}${error.message}`);
    for (const [label, text] of [
      ['DETAIL', error.detail],
      ['HINT', error.hint],
    ]) {
      if (text !== undefined) {
        console.error(`${label}:  ${text}`);
      }
    }
  }
  process.exitCode = 1;
} finally {
  await client.end().catch(() => {});
}

function print({ fields, rows, command, rowCount }) {
  if (fields.length === 0) {
    console.log(rowCount === null ? command : `${command} ${rowCount}`);
    return;
  }
  const text = (value) => (value === null ? '' : value instanceof Date ? value.toISOString() : String(value));
  const table = [fields.map((field) => field.name), ...rows.map((row) => row.map(text))];
  const widths = fields.map((_, column) => Math.max(...table.map((row) => row[column].length)));
  table.forEach((row, index) => {
    console.log(` ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')}`.trimEnd());
    if (index === 0) {
      console.log(widths.map((width) => '-'.repeat(width + 2)).join('+'));
    }
  });
  console.log(`(${rows.length} row${rows.length === 1 ? '' : 's'})`);
}
