// Every provider whose calls have names, in the order in which they are asked; the first that knows a request names it.
import type { Provider } from './provider.ts';

export const providers: readonly Provider[] = [];
