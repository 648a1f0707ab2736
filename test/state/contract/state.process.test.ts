import path from 'node:path';
import { describe } from 'vitest';
import { FileState } from '../../../src/state/files/file-state.ts';
import { ReadableState } from '../../../src/state/readable-state.ts';
import { emptyFolder } from '../../support/folder.ts';
import { lacksPgBouncer, startPgBouncer } from '../../support/pgbouncer.ts';
import { sharedPostgres } from '../../support/postgres.ts';
import { lacksPostgres } from '../../support/postgres-programs.ts';
import { shared } from '../../support/shared.ts';
import { freshState, opened, realClocks } from '../postgres/opened-state.ts';
import { type Differences, testState } from './contract.ts';

const inDatabase: Differences = {
  hasMarkWhenEmpty: true,
  keepsAll: true,
  saysWho: true,
  holder: new RegExp(`\\(pid ${process.pid} on .+\\)`),
  sharesWork: true,
  mergesKeys: true,
};

describe('in files', () => {
  testState({
    place: async () => {
      const folder = path.join(emptyFolder(), 'state');
      return {
        open: ({ clocks = realClocks } = {}) =>
          new FileState({ folder, env: {}, clocks, onWait: () => {}, hint: 'Free up disk space.' }),
      };
    },
    differs: {
      hasMarkWhenEmpty: false,
      keepsAll: false,
      saysWho: false,
      holder: new RegExp(`\\(${process.pid}\\)`),
      sharesWork: false,
      mergesKeys: false,
    },
  });
});

describe.skipIf(lacksPostgres)('in a database', () => {
  const server = sharedPostgres({ fsync: false });

  describe('that is used directly', () => {
    testState({
      place: async () => {
        const { url } = await freshState(server());
        return { open: (options) => opened(url, options).state };
      },
      differs: inDatabase,
    });
  });

  describe('whose reads have a fallback', () => {
    testState({
      place: async () => {
        const { url } = await freshState(server());
        const unused = () => {
          throw new Error('the database can be reached');
        };
        return {
          open: (options) =>
            new ReadableState({
              shared: opened(url, options).state,
              local: unused,
              localRotations: unused,
              isChanging: false,
              onFallback: unused,
            }),
        };
      },
      differs: inDatabase,
    });
  });

  describe.skipIf(lacksPgBouncer)('behind a pooler that hands out connections by the transaction', () => {
    const pooler = shared((whenOver) => startPgBouncer(server(), { whenOver }));
    testState({
      place: async () => {
        const { url } = await freshState(server(), (direct) => pooler().urlOf(direct));
        return { open: (options) => opened(url, options).state };
      },
      differs: inDatabase,
    });
  });
});
