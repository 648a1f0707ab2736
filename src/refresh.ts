import { refresh } from './completion/refresh.ts';

refresh().then(
  () => process.exit(0),
  () => process.exit(0),
);
