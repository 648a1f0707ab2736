import { proxiesOf } from '../api/proxies.ts';
import type { Webhook } from '../api/webhook.ts';
import { userAgent } from '../context/connections.ts';
import type { Context } from '../context/context.ts';
import type { Environment } from '../domain/environment.ts';
import { CommandError, messageOf, withoutPeriod } from '../domain/errors.ts';
import type { WatchEvent } from './events.ts';
import { withoutSecrets } from './events.ts';

/** Maximum number of events in a queue. Beyond it, the oldest are dropped, so that days of failures don't fill the memory. */
const mostWaiting = 100;

/** The notifications to send, as typed. */
export interface NotifyOptions {
  readonly bell?: true;
  readonly exec?: string;
  readonly webhook?: string;
}

/** The parts of the context that notifications use. */
type NotifyContext = Pick<Context, 'clocks' | 'connections' | 'output' | 'world'>;

/** Sends notifications of openings and purchases in the background, one at a time. A failure is noted and stops nothing. */
export class EventNotifier {
  readonly #ring: () => void;
  readonly #queues: readonly EventQueue[];

  private constructor(ring: () => void, queues: readonly EventQueue[]) {
    this.#ring = ring;
    this.#queues = queues;
  }

  /**
   * Checks the options, and opens the webhook.
   *
   * @param note - called with each line that the command prints, and with failures
   * @throws CommandError (usage) for an invalid webhook URL
   */
  static async open(
    context: NotifyContext,
    { bell, exec, webhook }: NotifyOptions,
    note: (message: string) => void,
  ): Promise<EventNotifier> {
    const hook = webhook === undefined ? undefined : await openWebhook(context, webhook);
    const { world } = context;
    const run = async (event: WatchEvent) => {
      const { runShell } = await import('../output/shell.ts');
      const failure = await runShell(exec ?? '', variablesOf(event), world, note, world.interrupt);
      if (failure !== undefined) note(`--exec failed: ${withoutPeriod(failure)}.`);
    };
    const post = async (event: WatchEvent) => hook?.post(withoutSecrets(event));
    return new EventNotifier(bell ? () => context.output.ring() : () => {}, [
      ...(exec === undefined ? [] : [new EventQueue(run, note)]),
      ...(hook ? [new EventQueue(post, note)] : []),
    ]);
  }

  notify(event: WatchEvent): void {
    this.#ring();
    for (const queue of this.#queues) queue.add(event);
  }

  /** Waits until all notifications are sent. */
  async finish(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.finish()));
  }
}

/** Handles events one at a time. */
class EventQueue {
  readonly #handle: (event: WatchEvent) => Promise<void>;
  readonly #note: (message: string) => void;
  readonly #waiting: WatchEvent[] = [];
  #running: Promise<void> | undefined;

  constructor(handle: (event: WatchEvent) => Promise<void>, note: (message: string) => void) {
    this.#handle = handle;
    this.#note = note;
  }

  add(event: WatchEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > mostWaiting) {
      this.#waiting.shift();
      this.#note('A notification was dropped, because too many are waiting.');
    }
    this.#running ??= this.#run();
  }

  async finish(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#handle(next);
      } catch (error) {
        const interrupted = error instanceof CommandError && error.code === 'interrupted';
        if (!interrupted) this.#note(`${withoutPeriod(messageOf(error))}.`);
      }
    }
    this.#running = undefined;
  }
}

/** Returns an event as environment variables. */
function variablesOf(event: WatchEvent): Environment {
  const { pool, blocks, pricePerMonth, freeSeats, charge, subscriptions } = event;
  return {
    CHEAPESTINFERENCE_EVENT: event.event,
    CHEAPESTINFERENCE_AT: event.at,
    CHEAPESTINFERENCE_POOL: pool ?? '',
    CHEAPESTINFERENCE_BLOCKS: blocks.join(','),
    CHEAPESTINFERENCE_PRICE_PER_MONTH: pricePerMonth?.toFixed(2) ?? '',
    CHEAPESTINFERENCE_FREE_SEATS: freeSeats === null ? '' : String(freeSeats),
    CHEAPESTINFERENCE_CHARGE: charge?.toFixed(2) ?? '',
    CHEAPESTINFERENCE_SUBSCRIPTIONS: subscriptions?.map(({ id }) => id).join(',') ?? '',
  };
}

/** Opens a webhook that closes with the command. @throws CommandError (usage) for an invalid URL */
async function openWebhook({ clocks, connections, world }: NotifyContext, url: string): Promise<Webhook> {
  const { parseWebhook, Webhook } = await import('../api/webhook.ts');
  const webhook = new Webhook(parseWebhook(url), {
    proxies: proxiesOf(world.env),
    userAgent: userAgent(world),
    interrupt: world.interrupt,
    pause: clocks.sleep,
    clock: world,
  });
  connections.closeAtEnd(webhook);
  return webhook;
}
