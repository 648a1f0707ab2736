import { checkUpdate } from './update/check.ts';

const exit = () => process.exit(0);
checkUpdate(process.argv[2] ?? '', process.env).then(exit, exit);
