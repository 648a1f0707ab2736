import { type Environment, type User, userOf } from './cli.ts';
import type { TestSandbox } from './sandbox.ts';
import { type RecordingServer, recordedSandbox } from './servers.ts';

/** A user who is signed in to a sandbox that records every request. */
export interface Customer {
  readonly me: User;
  readonly api: RecordingServer & { readonly box: TestSandbox };
}

/** Creates a user who is signed in to a sandbox of their own. */
export async function customer({
  env = {},
  ...setting
}: Parameters<typeof recordedSandbox>[0] & { readonly env?: Environment } = {}): Promise<Customer> {
  const api = await recordedSandbox(setting);
  return { api, me: userOf(api, env) };
}
