// Every provider whose calls have names, in the order in which they are asked; the first that knows a request names it.
import { aws } from './aws.ts';
import { gcp } from './gcp.ts';
import { git } from './git.ts';
import { github } from './github.ts';
import type { Provider } from './provider.ts';

export const providers: readonly Provider[] = [git, gcp, aws, github];
