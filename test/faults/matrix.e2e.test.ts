import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { type Change, changes } from './changes.ts';
import { type Fault, faults } from './faults.ts';
import { due, type Flaws, type Hosts, run } from './run.ts';

/** The faults for a command that hardly differs from another. */
const telling =
  /^(reset (before|after)|500 after|answer cut|object|429 once$|SIGINT after|SIGKILL with the intent|SIGKILL after|reset, then)/;

const cases = changes.map((change) => ({
  change,
  faults: faults.filter(({ name }) => !change.variant || telling.test(name)).map((fault) => metBy(change, fault)),
}));

/** A change that the account can't show isn't sent again after a 429, which is then a refusal like any other. */
function metBy({ knows }: Change, fault: Fault): Fault {
  if (knows !== 'not' || !fault.name.startsWith('429 once')) return fault;
  return { ...fault, tells: 'refused', made: false };
}

/** The totals of the cases, which docs/exactly-once.md shows. */
const figures = { cases: 0, doubleCharges: 0, lostSecrets: 0, wrongOutcomes: 0, orphanRecords: 0, leakedSecrets: 0 };

const flawless: Flaws = { twice: false, lostSecrets: [], leaks: [], orphans: 0, others: [] };

let redirected = 0;
const other = createServer((_request, response) => {
  redirected += 1;
  response.end('{"success":true,"data":{}}');
});
const unsigned = createTlsServer(selfSigned(), (_request, response) => response.end('{"success":true,"data":[]}'));
const hosts: Hosts = {
  get elsewhere() {
    return `http://localhost:${portOf(other)}`;
  },
  get impostor() {
    return `https://127.0.0.1:${portOf(unsigned)}`;
  },
  redirected: () => redirected,
};

beforeAll(async () => {
  for (const server of [other, unsigned]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
});

afterAll(() => {
  for (const server of [other, unsigned]) {
    server.close();
    server.closeAllConnections();
  }
});

describe.concurrent.each(cases.map((each) => [each.change.name, each] as const))(
  '%s',
  (_name, { change, faults: met }) => {
    test.for(met.map((fault) => [fault.name, fault] as const))('%s', async ([, fault], { onTestFinished }) => {
      const seen = await run(change, fault, hosts, onTestFinished);
      const expected = due(change, fault);
      figures.cases += 1;
      figures.doubleCharges += seen.twice ? 1 : 0;
      figures.lostSecrets += seen.lostSecrets.length;
      figures.wrongOutcomes += seen.reported !== expected.reported || seen.recorded !== expected.recorded ? 1 : 0;
      figures.orphanRecords += seen.orphans;
      figures.leakedSecrets += seen.leaks.length;
      expect(seen).toEqual({ ...expected, ...flawless });
    });
  },
);

test('adds up to the documented figures', () => {
  const reported = Object.entries(figures).map(([name, figure]) => `${figure} ${name}`);
  console.log(`The matrix of faults: ${reported.join(', ')}`);
  expect(figures).toEqual({
    cases: cases.reduce((sum, { faults: met }) => sum + met.length, 0),
    doubleCharges: 0,
    lostSecrets: 0,
    wrongOutcomes: 0,
    orphanRecords: 0,
    leakedSecrets: 0,
  });
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
}
