import { serviceCommand } from '../../account/own-command.ts';
import { fromHome } from '../../account/secrets/destinations.ts';
import { cronTimer } from '../../account/usage/timer/cron.ts';
import { systemdTimer } from '../../account/usage/timer/systemd.ts';
import { type Scheduler, schedulers, type Timer, times } from '../../account/usage/timer/timer.ts';
import type { Context } from '../../context/context.ts';
import { CommandError } from '../../domain/errors.ts';
import { inWords } from '../../output/text.ts';
import { timerFields } from './timer-fields.ts';

type TimerContext = Pick<Context, 'output' | 'profiles' | 'prompts' | 'result' | 'settings' | 'world'>;

/** The result of installing or removing a timer. */
interface Result {
  readonly status: 'installed' | 'unchanged' | 'planned' | 'removed' | 'not installed';
  /** Null: none is installed. */
  readonly timer: Scheduler | null;
  /** The file of the timer, or `crontab`. */
  readonly place: string | null;
  /** Null: it isn't known. */
  readonly running: boolean | null;
  /** Why it didn't start or stop. */
  readonly problem: string | null;
  readonly text: string | null;
}

const kinds = { systemd: systemdTimer, cron: cronTimer } as const;

/** Installs a timer that takes snapshots, after it was shown and agreed to. */
export async function installTimer(
  context: TimerContext,
  { scheduler, dryRun }: { readonly scheduler: Scheduler | undefined; readonly dryRun: boolean },
): Promise<void> {
  const { output, prompts, world } = context;
  const words = [...serviceCommand(context, { title: 'The timer' }), 'usage', 'snapshot'];
  const timer = await chosenTimer(context, { scheduler, dryRun });
  const text = timer.text(words);
  const result: Result = {
    ...{ status: 'planned', timer: timer.scheduler, place: timer.place, running: null, problem: null },
    text,
  };
  if (dryRun) {
    if (output.format === undefined || output.format === 'table') return output.raw(text);
    return print(context, result);
  }
  const before = await timer.installed();
  const isSame = before === text;
  if (!isSame) {
    prompts.requireConsent();
    output.note(`Writes ${fromHome(timer.place, world.env.HOME)}:\n\n${text}`);
    await prompts.consent(`Take snapshots at ${inWords(times)} UTC?`);
  }
  const problem = (await timer.install(words)) ?? null;
  if (problem !== null) context.result.exitCode = 1;
  await print(context, { ...result, status: isSame ? 'unchanged' : 'installed', running: problem === null, problem });
}

/** Removes the timers that are installed. */
export async function removeTimer(context: TimerContext): Promise<void> {
  const { output, prompts, world } = context;
  const installed: Timer[] = [];
  for (const timer of [systemdTimer.timer(world), cronTimer.timer(world)]) {
    // Without crontab, there are no lines in it.
    if (timer.scheduler === 'cron' && (await cronTimer.problem(world)) !== undefined) continue;
    if ((await timer.installed()) !== undefined) installed.push(timer);
  }
  const [first] = installed;
  if (first === undefined) {
    output.note('No timer is installed. Nothing was changed.');
    const none = { timer: null, place: null, running: null, problem: null, text: null } as const;
    return print(context, { status: 'not installed', ...none });
  }
  prompts.requireConsent();
  await prompts.consent(
    `Stop taking snapshots, and remove the timer from ${inWords(installed.map(({ place }) => fromHome(place, world.env.HOME)))}?`,
  );
  let problem: string | null = null;
  for (const timer of installed) problem ??= (await timer.remove()) ?? null;
  if (problem !== null) context.result.exitCode = 1;
  const { scheduler, place } = first;
  const running = problem === null ? false : null;
  await print(context, { status: 'removed', timer: scheduler, place, running, problem, text: null });
}

/** Returns the timer to install: the one that was asked for, or chosen at a prompt, or else the first one that this machine has. */
async function chosenTimer(
  { prompts, world }: TimerContext,
  { scheduler, dryRun }: { readonly scheduler: Scheduler | undefined; readonly dryRun: boolean },
): Promise<Timer> {
  if (scheduler !== undefined && dryRun) return kinds[scheduler].timer(world);
  const problems = new Map<Scheduler, string>();
  const available: Scheduler[] = [];
  for (const each of scheduler === undefined ? schedulers : [scheduler]) {
    const problem = await kinds[each].problem(world);
    if (problem === undefined) available.push(each);
    else problems.set(each, problem);
  }
  const [first] = available;
  if (first === undefined) {
    const reasons = [...problems].map(([each, problem]) => `${each}: ${problem}`).join('; ');
    throw new CommandError('unavailable', `No timer can be installed (${reasons})`, {
      hint: 'Run `ci usage snapshot` regularly in another way.',
      outcome: 'not_applied',
    });
  }
  if (available.length === 1 || dryRun || !prompts.asksConsent) return kinds[first].timer(world);
  const titles = { systemd: 'A timer of systemd', cron: 'Lines in your crontab' };
  const choices = available.map((value) => ({ name: titles[value], value }));
  return kinds[await prompts.pick('Timer:', choices, 'Pass --timer.')].timer(world);
}

async function print({ output, world }: TimerContext, result: Result): Promise<void> {
  const columns = timerFields.map((field) => ({ field, header: field, value: (row: Result) => row[field] }));
  await output.record(result, {
    fields: timerFields,
    columns: columns.filter(({ field }) => field !== 'text'),
    drawing: (style, { status, timer, place, problem }) => {
      if (status === 'not installed') return '';
      const where = fromHome(place ?? '', world.env.HOME);
      const warning =
        problem === null
          ? ''
          : `${style.warning('!')} It didn't ${status === 'removed' ? 'stop' : 'start'}: ${problem}\n`;
      if (status === 'removed') return `${style.good('✓')} The timer is removed: ${where}\n${warning}`;
      const lingering =
        timer === 'systemd' ? 'It runs while you are logged in. To run it always: `loginctl enable-linger`.\n' : '';
      return `${style.good('✓')} The timer is installed: ${where}\n${warning}${lingering}`;
    },
  });
}
