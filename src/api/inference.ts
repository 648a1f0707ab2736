import * as z from 'zod/mini';
import { CommandError } from '../domain/errors.ts';
import { lazy } from '../domain/lazy.ts';
import type { ApiClient } from './client.ts';
import { looseObject, maybe } from './schema.ts';

const modelsSchema = lazy(() => looseObject({ data: z.array(looseObject({ id: z.string() })) }));

/** The models that an API key can use. */
export type Models = z.infer<ReturnType<typeof modelsSchema>>;

const chatCompletionSchema = lazy(() =>
  looseObject({
    id: maybe(z.string()),
    model: maybe(z.string()),
    choices: z
      .array(looseObject({ message: maybe(looseObject({ content: maybe(z.string()) })) }))
      .check(z.minLength(1)),
  }),
);

/** A model's response in the OpenAI format. */
export type ChatCompletion = z.infer<ReturnType<typeof chatCompletionSchema>>;

const messageSchema = lazy(() =>
  looseObject({
    id: maybe(z.string()),
    model: maybe(z.string()),
    content: z.array(looseObject({ type: z.string(), text: maybe(z.string()) })).check(z.minLength(1)),
  }),
);

/** A model's response in the Anthropic format. */
export type Message = z.infer<ReturnType<typeof messageSchema>>;

const responseSchema = lazy(() => looseObject({ id: maybe(z.string()), output: maybe(z.array(z.unknown())) }));

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** Sends the inference requests that show whether an API key works. */
export class InferenceApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  models(): Promise<Models> {
    return this.#client.read('/v1/models', modelsSchema(), { key: 'consumption' });
  }

  chat(model: string, messages: readonly Turn[]): Promise<ChatCompletion> {
    return this.#ask('/v1/chat/completions', chatCompletionSchema(), { model, messages });
  }

  /** Sends a message in the Anthropic format. @param maxTokens - the maximum length of the response */
  message(model: string, messages: readonly Turn[], maxTokens: number): Promise<Message> {
    return this.#ask('/anthropic/v1/messages', messageSchema(), { model, messages, max_tokens: maxTokens });
  }

  /** Sends a request in OpenAI's newer format, which the API documentation doesn't mention. */
  async response(model: string, input: string): Promise<void> {
    await this.#ask('/v1/responses', responseSchema(), { model, input });
  }

  /** Returns whether the API has {@link response}. Sends a request without a model, which costs nothing. */
  async hasResponses(): Promise<boolean> {
    try {
      await this.#ask('/v1/responses', responseSchema(), {});
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if ([404, 405, 501].includes(error.status ?? 0)) return false;
      if (error.code === 'invalid_request' || error.code === 'unexpected_response') return true;
      throw error;
    }
  }

  /** Sends a request once. It changes nothing in the account, so that its outcome doesn't matter. */
  async #ask<Schema extends z.ZodMiniType>(path: string, schema: Schema, body: object): Promise<z.infer<Schema>> {
    try {
      return await this.#client.change('POST', path, schema, body, 'consumption');
    } catch (error) {
      const isLost = error instanceof CommandError && error.code === 'outcome_unknown';
      throw isLost && error.cause instanceof CommandError ? error.cause : error;
    }
  }
}
