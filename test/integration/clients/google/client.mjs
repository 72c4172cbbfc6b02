// Google's own client library for Cloud Storage, with a token of no worth: node client.mjs ENDPOINT. Prints what it saw as JSON.
import { Storage } from '@google-cloud/storage';
import { OAuth2Client } from 'google-auth-library';

const authClient = new OAuth2Client();
authClient.setCredentials({ access_token: 'an-agent-has-none' });
const storage = new Storage({
  apiEndpoint: process.argv[2],
  projectId: 'p',
  authClient,
  useAuthWithCustomEndpoint: true,
  retryOptions: { autoRetry: false },
});
const bucket = storage.bucket('reports');
const failure = ({ code, message }) => ({ code, message });

const [files] = await bucket.getFiles();
const [text] = await bucket.file('dir/a.txt').download({ validation: false });
await bucket.file('dir/b.txt').save('written by an agent', { resumable: false, validation: false });
const denied = await bucket
  .file('dir/a.txt')
  .delete()
  .then(() => null, failure);
const [again] = await bucket.file('dir/b.txt').download({ validation: false });
console.log(JSON.stringify({ names: files.map(({ name }) => name), text: String(text), denied, again: String(again) }));
