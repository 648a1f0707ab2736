// Runs the clients of the gateway benchmark.
import { answerCalls } from './calls.mjs';

const { SeatClients } = await import(process.argv[2]);
let clients = new SeatClients();
let stopping = new AbortController();

answerCalls({
  /** Sends requests, and returns the totals. */
  run(options) {
    clients.close();
    clients = new SeatClients();
    stopping = new AbortController();
    return clients.run({ ...options, signal: stopping.signal });
  },
  progress: () => clients.progress,
  stop: () => stopping.abort(),

  /** Sends requests to several targets in turn, and returns the times to the first byte for each target. */
  async firstBytes({ targets, load, count }) {
    const times = targets.map(() => []);
    const warmUp = Math.ceil(count / 10);
    for (let number = 0; number < count + warmUp; number++) {
      for (const [at, target] of targets.entries()) {
        const { outcome, firstByte, problem } = await clients.ask(target, { load, number, client: 0 });
        if (outcome !== 'whole') throw new Error(`${target.url}: ${outcome}, ${problem}`);
        if (number >= warmUp) times[at].push(firstByte);
      }
    }
    return times;
  },

  /** Sends the requests of several clients all at once, in their order. Returns when the last answer of each client ended, in milliseconds. */
  async burst({ target, load, requests }) {
    const ends = {};
    let number = 0;
    const start = performance.now();
    const send = async (client) => {
      const { outcome, problem } = await clients.ask(target, { load, number: number++, client });
      if (outcome !== 'whole') throw new Error(`client ${client}: ${outcome}, ${problem}`);
      ends[client] = performance.now() - start;
    };
    await Promise.all(requests.flatMap(({ client, count }) => Array.from({ length: count }, () => send(client))));
    return ends;
  },
});
