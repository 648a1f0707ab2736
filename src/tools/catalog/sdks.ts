import type { Tool } from '../tool.ts';

/** The OpenAI SDKs, which read the base URL and the key from the environment. */
export const openaiSdk: Tool = {
  name: 'openai-sdk',
  title: 'OpenAI SDK',
  programs: [],
  api: 'openai',
  keyFrom: 'OPENAI_API_KEY',
  files: () => [],
  start: () => ({ words: ['python', 'app.py'] }),
  snippets: ({ model }) => [
    {
      language: 'Python',
      code: `from openai import OpenAI

# Reads OPENAI_BASE_URL and OPENAI_API_KEY.
client = OpenAI()
completion = client.chat.completions.create(
    model=${JSON.stringify(model.id)},
    messages=[{"role": "user", "content": "Hi"}],
)
print(completion.choices[0].message.content)
`,
    },
    {
      language: 'JavaScript',
      code: `import OpenAI from 'openai';

// Reads OPENAI_BASE_URL and OPENAI_API_KEY.
const client = new OpenAI();
const completion = await client.chat.completions.create({
  model: ${JSON.stringify(model.id)},
  messages: [{ role: 'user', content: 'Hi' }],
});
console.log(completion.choices[0].message.content);
`,
    },
  ],
};

/** The Anthropic SDKs, which read the base URL and the key from the environment. */
export const anthropicSdk: Tool = {
  name: 'anthropic-sdk',
  title: 'Anthropic SDK',
  programs: [],
  api: 'anthropic',
  keyFrom: 'ANTHROPIC_AUTH_TOKEN',
  files: () => [],
  start: () => ({ words: ['python', 'app.py'] }),
  snippets: ({ model }) => [
    {
      language: 'Python',
      code: `from anthropic import Anthropic

# Reads ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN.
client = Anthropic()
message = client.messages.create(
    model=${JSON.stringify(model.id)},
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hi"}],
)
print(message.content[0].text)
`,
    },
    {
      language: 'JavaScript',
      code: `import Anthropic from '@anthropic-ai/sdk';

// Reads ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN.
const client = new Anthropic();
const message = await client.messages.create({
  model: ${JSON.stringify(model.id)},
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hi' }],
});
console.log(message.content[0].text);
`,
    },
  ],
};
