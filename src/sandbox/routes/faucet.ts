import { Hono } from 'hono';
import { json } from '../reply.ts';
import { type RpcUrl, requireRpcUrl } from '../transactions.ts';

/** Routes the faucet, which gives money on the local chain to anyone. @param rpcUrl - absent: the sandbox has no chain */
export function faucetRoutes(rpcUrl: RpcUrl | undefined): Hono {
  const routes = new Hono();
  routes.post('/faucet/:address', async (context) => {
    const { give } = await import('../chain/faucet.ts');
    return json(await give(await requireRpcUrl(rpcUrl), context.req.param('address')));
  });
  return routes;
}
