import { programOf } from '../../account/program.ts';
import { CommandError, withoutPeriod } from '../../domain/errors.ts';
import { shellWord } from '../../domain/shell-word.ts';
import { inWords } from '../../output/text.ts';
import type { Tool } from '../../tools/tool.ts';
import { type ConnectedTool, noTerminal, type Step, type Wizard } from './wizard.ts';

/** Offers to connect the tools that are installed to the first key, one after the other. */
export const connectTools: Step = async (wizard) => {
  const { context, prompts, keys = [], saved, done } = wizard;
  const [key] = keys;
  if (!key) return 'silent';
  const [{ tools }, { installedProgram }] = await Promise.all([
    import('../../tools/tools.ts'),
    import('../../tools/plan.ts'),
  ]);
  let installed = tools.filter((tool) => installedProgram(tool, context) !== undefined);
  if (installed.length === 0) return 'silent';
  if (!saved?.isStored) {
    const names = inWords(
      installed.map(({ title }) => title),
      'or',
    );
    context.output.note(
      `To connect ${names}, store the key with \`${programOf(context)} keys secret ${shellWord(key.name)} --add\`, then run \`ci connect\`.`,
    );
    return 'silent';
  }
  const connected: ConnectedTool[] = [];
  wizard.tools = connected;
  while (installed.length > 0) {
    const tool = await prompts.pick<Tool | undefined>(
      connected.length === 0 ? 'Connect a tool to the key:' : 'Connect another tool:',
      [
        { name: connected.length === 0 ? 'Not now' : 'No more', value: undefined, selected: true },
        ...installed.map((each) => ({ name: each.title, value: each })),
      ],
      noTerminal,
    );
    if (!tool) break;
    const start = await connect(wizard, tool, key.id ?? key.name);
    if (start !== undefined) {
      connected.push({ tool: tool.name, start });
      done.push(`connected ${tool.title}`);
    }
    installed = installed.filter((each) => each !== tool);
  }
  return connected.length > 0 ? 'changed' : 'asked';
};

/** Connects a tool. Returns the command that starts it; undefined if the user declined the changes, or if it failed. */
async function connect({ context }: Wizard, tool: Tool, key: string): Promise<string | undefined> {
  const { output } = context;
  const [{ planConnection }, { carryOutPlan }, { tryConnection }, { startLabel }] = await Promise.all([
    import('../../tools/plan.ts'),
    import('../../tools/carry-out.ts'),
    import('../../tools/try-connection.ts'),
    import('../../tools/start-command.ts'),
  ]);
  try {
    const plan = await planConnection(context, { tool, place: 'user', key });
    await carryOutPlan(context, plan);
    const { works, detail } = await tryConnection(context, plan.attempt);
    const mark = works === null ? '!' : works ? '✓' : '✗';
    const note = plan.start.note === undefined ? '' : `${plan.start.note} `;
    output.note(
      `${mark} ${tool.title} is connected. ${detail}\n  ${note}${startLabel(context, plan.gateway)} ${plan.startCommand}`,
    );
    return plan.startCommand;
  } catch (error) {
    if (!(error instanceof CommandError) || error.code === 'interrupted') throw error;
    output.note(
      error.code === 'declined'
        ? `${tool.title} wasn't connected.`
        : `✗ ${tool.title} wasn't connected: ${withoutPeriod(error.message)}. ${error.hint ?? ''}`.trimEnd(),
    );
    return undefined;
  }
}
