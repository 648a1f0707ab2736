// Calls the API with the official clients, which take the key and the address from the environment. Prints one line per client.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const model = 'kimi-k2.6';
const messages = [{ role: 'user', content: 'Hello!' }];
const { choices } = await new OpenAI({ maxRetries: 0 }).chat.completions.create({ model, messages });
console.log(`openai: ${choices[0]?.message.content}`);
const { content } = await new Anthropic({ maxRetries: 0 }).messages.create({ model, max_tokens: 100, messages });
console.log(`anthropic: ${content[0]?.type === 'text' ? content[0].text : ''}`);
