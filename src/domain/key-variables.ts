/** The API formats that a program can use. With `none`, only CHEAPESTINFERENCE_API_KEY is set. */
export const apiFormats = ['openai', 'anthropic', 'all', 'none'] as const;

export type ApiFormat = (typeof apiFormats)[number];

/** A key, and how to call the API with it. */
export interface KeyUse {
  /** The secret of an API key. */
  readonly secret: string;
  /** The origin of the API. */
  readonly baseUrl: string;
  readonly format: ApiFormat;
  /** The model to use; undefined: the program chooses one. */
  readonly model?: string | undefined;
}

/**
 * Returns the environment variables with which a program calls the API. `OPENAI_*` and `ANTHROPIC_*` are those of the SDKs; the
 * models are those of Qwen Code (`OPENAI_MODEL`) and Claude Code (the others).
 *
 * `ANTHROPIC_API_KEY` is empty. If it were set, programs such as Claude Code would send the user's Anthropic key along with the other.
 */
export function keyVariables({ secret, baseUrl, format, model }: KeyUse): Readonly<Record<string, string>> {
  const openai = {
    OPENAI_API_KEY: secret,
    OPENAI_BASE_URL: `${baseUrl}/v1`,
    ...(model === undefined ? {} : { OPENAI_MODEL: model }),
  };
  const anthropic = {
    ANTHROPIC_AUTH_TOKEN: secret,
    ANTHROPIC_BASE_URL: `${baseUrl}/anthropic`,
    ANTHROPIC_API_KEY: '',
    ...(model === undefined
      ? {}
      : {
          ANTHROPIC_MODEL: model,
          ANTHROPIC_DEFAULT_OPUS_MODEL: model,
          ANTHROPIC_DEFAULT_SONNET_MODEL: model,
          ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
        }),
  };
  return {
    CHEAPESTINFERENCE_API_KEY: secret,
    ...(format === 'openai' || format === 'all' ? openai : {}),
    ...(format === 'anthropic' || format === 'all' ? anthropic : {}),
  };
}
