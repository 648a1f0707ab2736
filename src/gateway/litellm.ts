import { shellWord } from '../domain/shell-word.ts';
import type { GatewaySeat } from './seat.ts';

/** A variable that LiteLLM reads a key from, and the command that prints the key. */
interface KeyVariable {
  readonly variable: string;
  readonly command: string;
}

/** A configuration of LiteLLM's proxy, without secrets. */
export interface LitellmConfiguration {
  readonly text: string;
  readonly variables: readonly KeyVariable[];
}

/**
 * Returns a configuration for LiteLLM's proxy: a deployment for each seat and model. A proxy sends it one request at a time, except
 * while it passes on a stream, so that requests are retried. Several proxies share what they know of the deployments through Redis.
 *
 * Sources: https://docs.litellm.ai/docs/proxy/configs and https://docs.litellm.ai/docs/proxy/config_settings.
 *
 * @param baseUrl - the origin of the API
 * @param keyCommand - returns the command that prints the secret of a key
 */
export async function litellmConfiguration(
  seats: readonly GatewaySeat[],
  { baseUrl, keyCommand }: { readonly baseUrl: string; readonly keyCommand: (key: string) => string },
): Promise<LitellmConfiguration> {
  const { stringify } = await import('yaml');
  const variables = seats.map(({ key }, at) => ({
    variable: `CHEAPESTINFERENCE_SEAT_${at + 1}`,
    command: keyCommand(key),
  }));
  const configuration = {
    model_list: seats.flatMap(({ models, id }, at) =>
      [...(models ?? [])].map((model) => ({
        model_name: model,
        litellm_params: {
          model: `openai/${model}`,
          api_base: `${baseUrl}/v1`,
          api_key: `os.environ/CHEAPESTINFERENCE_SEAT_${at + 1}`,
          max_parallel_requests: 1,
        },
        model_info: { id: `${id}/${model}` },
      })),
    ),
    router_settings: {
      routing_strategy: 'least-busy',
      // A seat that is busy elsewhere is free again soon.
      num_retries: 10,
      retry_after: 1,
      cooldown_time: 1,
      redis_host: 'os.environ/REDIS_HOST',
      redis_port: 'os.environ/REDIS_PORT',
      redis_password: 'os.environ/REDIS_PASSWORD',
    },
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
  };
  const comment = [
    'A deployment for each seat, which gets one request at a time.',
    'Set these variables where the proxy runs, and REDIS_HOST, REDIS_PORT,',
    'REDIS_PASSWORD and LITELLM_MASTER_KEY:',
    ...variables.map(({ variable, command }) => `  export ${variable}="$(${command})"`),
    'Then run: litellm --config FILE',
  ];
  return { text: `${comment.map((line) => `# ${line}\n`).join('')}${stringify(configuration)}`, variables };
}

/** Returns the command that prints the secret of a stored key. @param own - the words that start this program */
export function secretCommand(own: readonly string[], key: string): string {
  return [...own, 'keys', 'secret', key].map(shellWord).join(' ');
}
