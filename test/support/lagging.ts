import { ask } from './http.ts';
import { at, listAt } from './sandbox.ts';
import type { Instead } from './servers.ts';

/** Lets the lists of subscriptions lag behind the purchases. @param lag - milliseconds */
export function lagging(lag: number): Instead {
  const firstSeen = new Map<unknown, number>();
  const isListed = (each: unknown) => {
    const id = at(each, 'id');
    const since = firstSeen.get(id) ?? performance.now();
    firstSeen.set(id, since);
    return performance.now() - since >= lag;
  };
  const listed = (data: unknown): unknown => {
    if (Array.isArray(data)) return data.filter(isListed);
    return { ...Object(data), poolPledges: listAt(data, 'poolPledges').filter(isListed) };
  };
  return ({ method, path }, box) => {
    const isBuying = method === 'POST' && path.endsWith('/subscribe');
    if (!isBuying && !path.endsWith('/my-subscriptions') && path !== '/api/billing/status') return undefined;
    return async ({ headers, body }, response) => {
      const answer = await ask(box.url + path, {
        method,
        headers: { authorization: headers.authorization ?? '', 'content-type': 'application/json' },
        ...(isBuying && { body }),
      });
      // From now on, the subscription exists.
      if (isBuying) listAt(await box.seen(), 'subscriptions').forEach(isListed);
      const value: unknown = JSON.parse(answer.text);
      const shown = answer.status === 200 && !isBuying ? { success: true, data: listed(at(value, 'data')) } : value;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(shown));
    };
  };
}
