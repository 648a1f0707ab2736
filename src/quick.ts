export { quick } from './quick/quick.ts';
