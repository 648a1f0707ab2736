import { refresh } from './completion/refresh.ts';

refresh(process.argv.slice(2)).then(
  () => process.exit(0),
  () => process.exit(0),
);
