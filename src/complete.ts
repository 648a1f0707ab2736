export { complete } from './completion/complete.ts';
