// Runs a gateway in a process of its own. Gets its options and then orders on stdin, and tells on stdout what happens: one JSON value per line.
import { createInterface } from 'node:readline';
import { Gateway } from '../../src/gateway/gateway.ts';
import type { GatewaySeat } from '../../src/gateway/seat.ts';
import type { GatewayNews, GatewayOrder } from './gateway.ts';

const tell = (news: GatewayNews) => process.stdout.write(`${JSON.stringify(news)}\n`);
let time = 0;
let gateway: Gateway | undefined;

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { start, seats, advance, creditKey }: GatewayOrder = JSON.parse(line);
    if (start) {
      gateway = new Gateway({
        ...start,
        api: new URL(start.api),
        wall: () => start.now + time,
        monotonic: () => time,
        onRefused: () => tell({ refused: true }),
        onRequest: (record) => tell({ record }),
      });
      await gateway.start();
    }
    time += advance ?? 0;
    if (seats)
      gateway?.update(seats.map((each): GatewaySeat => ({ ...each, models: each.models && new Set(each.models) })));
    if (creditKey) gateway?.updateCreditKey(creditKey);
    if (gateway) tell({ url: gateway.url });
  })
  .on('close', () => process.exit());
