import { unitCommand, unitEnvironment } from '../account/user-units.ts';
import type { Environment } from '../domain/environment.ts';

/** The name of the unit. */
export const unitName = 'cheapestinference-gateway.service';

/**
 * Returns the unit of a user service that runs the gateway.
 *
 * @param words - the command, with absolute paths
 * @param drain - how long it may take to end, in milliseconds
 */
export function unitText(
  words: readonly string[],
  { env, drain }: { readonly env: Environment; readonly drain: number },
): string {
  return `[Unit]
Description=CheapestInference gateway
Documentation=https://github.com/cheapestinference/cli/blob/main/docs/gateway.md

[Service]
Type=exec
ExecStart=${unitCommand(words)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 4 5
TimeoutStopSec=${Math.ceil(drain / 1000) + 10}
${unitEnvironment(env)}
[Install]
WantedBy=default.target
`;
}
