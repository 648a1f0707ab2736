import { checkUpdate } from './update/check.ts';

checkUpdate(process.argv[2] ?? '', process.env).catch(() => {});
