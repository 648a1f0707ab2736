import { proxiesOf } from '../../api/proxies.ts';
import type { Webhook } from '../../api/webhook.ts';
import { userAgent } from '../../context/connections.ts';
import type { Context } from '../../context/context.ts';
import type { Environment } from '../../domain/environment.ts';
import { CommandError, messageOf } from '../../domain/errors.ts';
import type { WatchEvent } from './events.ts';
import { withoutSecrets } from './events.ts';

/** How many events may wait to be told; beyond it the oldest are dropped, so that days of failure fill no memory. */
const mostWaiting = 100;

/** Who is told of an opening or a purchase besides the terminal, as typed. */
export interface TellingOptions {
  readonly bell?: true;
  readonly exec?: string;
  readonly webhook?: string;
}

/** Tells others of an opening or a purchase, one after the other in the background. That it fails is said, and stops nothing. */
export class Telling {
  readonly #ring: () => void;
  readonly #queues: readonly Queue[];

  private constructor(ring: () => void, queues: readonly Queue[]) {
    this.#ring = ring;
    this.#queues = queues;
  }

  /**
   * @param say - told what the command writes, and what fails
   * @throws CommandError (usage) for a webhook that is none
   */
  static async begin(
    context: Context,
    { bell, exec, webhook }: TellingOptions,
    say: (message: string) => void,
  ): Promise<Telling> {
    const hook = webhook === undefined ? undefined : await openWebhook(context, webhook);
    const { world } = context;
    const run = async (event: WatchEvent) => {
      const { runShell } = await import('../../output/shell.ts');
      const failure = await runShell(exec ?? '', factsOf(event), world, say, world.interrupt);
      if (failure !== undefined) say(`--exec failed: ${failure}`);
    };
    const post = async (event: WatchEvent) => hook?.post(withoutSecrets(event));
    return new Telling(bell ? () => context.output.ring() : () => {}, [
      ...(exec === undefined ? [] : [new Queue(run, say)]),
      ...(hook ? [new Queue(post, say)] : []),
    ]);
  }

  tell(event: WatchEvent): void {
    this.#ring();
    for (const queue of this.#queues) queue.add(event);
  }

  /** Waits until all is told. */
  async done(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.done()));
  }
}

/** Works off events one at a time. */
class Queue {
  readonly #work: (event: WatchEvent) => Promise<void>;
  readonly #say: (message: string) => void;
  readonly #waiting: WatchEvent[] = [];
  #working: Promise<void> | undefined;

  constructor(work: (event: WatchEvent) => Promise<void>, say: (message: string) => void) {
    this.#work = work;
    this.#say = say;
  }

  add(event: WatchEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > mostWaiting) {
      this.#waiting.shift();
      this.#say('An event was dropped: too many wait to be told.');
    }
    this.#working ??= this.#workOff();
  }

  async done(): Promise<void> {
    await this.#working;
  }

  async #workOff(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#work(next);
      } catch (error) {
        const interrupted = error instanceof CommandError && error.code === 'interrupted';
        if (!interrupted) this.#say(messageOf(error));
      }
    }
    this.#working = undefined;
  }
}

/** An event as environment variables. */
function factsOf(event: WatchEvent): Environment {
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

/** Opens what posts to an address of the user's; it ends with the command. @throws CommandError (usage) for an invalid address */
async function openWebhook(
  { clocks, connections, world }: Pick<Context, 'clocks' | 'connections' | 'world'>,
  address: string,
): Promise<Webhook> {
  const { parseWebhook, Webhook } = await import('../../api/webhook.ts');
  const webhook = new Webhook(parseWebhook(address), {
    proxies: proxiesOf(world.env),
    userAgent: userAgent(world),
    interrupt: world.interrupt,
    pause: clocks.sleep,
    clock: world,
  });
  connections.endsWithCommand(webhook);
  return webhook;
}
