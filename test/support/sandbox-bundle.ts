import { rolldown } from 'rolldown';

/** Bundles the sandbox into one module that Node.js can run. @returns the module's path */
export async function bundleSandbox(path: string): Promise<string> {
  const bundle = await rolldown({ input: 'src/sandbox/server.ts', platform: 'node' });
  await bundle.write({ file: path, format: 'esm', codeSplitting: false });
  return path;
}
