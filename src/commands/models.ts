import type { Models } from '../api/inference.ts';
import type { Verb } from '../cli/verb.ts';
import type { Context } from '../context/context.ts';
import type { Column } from '../output/output.ts';

export const fields = ['id', 'object', 'created', 'owned_by'] as const;

type Model = Models['data'][number];

/** `ci models`: lists the models that the key in CHEAPESTINFERENCE_API_KEY can use. */
export default function models(command: Verb, context: Context, execute = run): void {
  command.tell({ fields, examples: ['ci models', "ci models --json | jq -r '.[].id'"] }).action(() => execute(context));
}

/** Lists the models that the API offers to the API key in use. */
export async function run(context: Pick<Context, 'api' | 'output'>): Promise<void> {
  const { inference } = await context.api();
  const { data } = await inference.models();
  await context.output.list(data, { columns, fields, empty: "This key can't use any models." });
}

const columns: readonly Column<Model>[] = [{ field: 'id', header: 'MODEL', value: ({ id }) => id }];
