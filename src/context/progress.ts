import type { HttpMethod } from '../api/transport.ts';

/** What a request is for, in words, by the beginning of its path: the first that fits. */
const reads: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/pools\/[^/]+\/my-subscriptions/, 'Fetching your subscriptions'],
  [/^\/api\/pools\/[^/]+\/my-keys/, 'Fetching your keys'],
  [/^\/api\/pools/, 'Fetching the pools'],
  [/^\/api\/keys/, 'Fetching your keys'],
  [/^\/api\/billing/, 'Fetching your account'],
  [/^\/(?:api|v1)\/usage/, 'Fetching the usage'],
];

/** What is waited for while a request is under way, in words. */
export function waitingFor(method: HttpMethod, path: string): string {
  const read = method === 'GET' ? reads.find(([begin]) => begin.test(path))?.[1] : undefined;
  return read ?? 'Waiting for the answer';
}
