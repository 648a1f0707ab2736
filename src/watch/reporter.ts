import type { DeliveredPurchase } from '../account/purchase/buy-with-keys.ts';
import { noteCovered, noteNextStep, printPurchase } from '../account/purchase/receipt.ts';
import { savedText } from '../account/secrets/destination.ts';
import { withMaskedKey } from '../account/subscription-table.ts';
import type { Context } from '../context/context.ts';
import type { CommandError } from '../domain/errors.ts';
import { inWords } from '../output/text.ts';
import type { AvailabilityChange, Candidate, PoolAvailability } from './availability.ts';
import {
  changeEvent,
  errorEvent,
  eventColumns,
  eventFields,
  eventLine,
  subscribedEvent,
  type WatchEvent,
} from './events.ts';
import { EventNotifier, type NotifyOptions } from './notify.ts';
import type { OwnedSeats } from './purchase-state.ts';
import type { WatchScreen } from './screen.ts';

/** The parts of the context that reporting uses. */
export type ReportContext = Pick<Context, 'clocks' | 'connections' | 'output' | 'progress' | 'world'>;

/** How to report. */
export interface ReportOptions extends NotifyOptions {
  /** Whether the watch buys the first opening. */
  readonly subscribe?: true;
  /** The name of the key for each seat. */
  readonly createKey?: string;
}

/** Prints the events of a watch, shows them on a terminal, and sends notifications. */
export class EventReporter {
  readonly #context: ReportContext;
  readonly #options: ReportOptions;
  /** The failures since the last successful check, so that an outage is reported once. */
  readonly #failures = new Set<string>();
  #notifier: EventNotifier | undefined;
  #screen: WatchScreen | undefined;
  #hasReader = true;

  constructor(context: ReportContext, options: ReportOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Whether stdout still has a reader. */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /**
   * Opens the notifications, and the screen on a terminal.
   *
   * @param pools - the names of the watched pools
   * @throws CommandError (usage) for an invalid webhook URL
   */
  async open(pools: readonly string[]): Promise<void> {
    this.#notifier = await EventNotifier.open(this.#context, this.#options, (message) => this.#note(message));
    this.#screen = await this.#openScreen(pools);
  }

  /** Closes the screen, and waits until all notifications are sent. */
  async close(): Promise<void> {
    this.#screen?.close();
    await this.#notifier?.finish();
  }

  /** Closes the screen, so that other output can use the terminal. */
  closeScreen(): void {
    this.#screen?.close();
  }

  reopenScreen(): void {
    this.#screen?.open();
  }

  /** Shows the result of a poll on the screen. */
  showPools(pools: readonly PoolAvailability[]): void {
    this.#screen?.update(pools);
  }

  /** Shows the time until the next check. @param due - epoch milliseconds */
  countDown(due: number): void {
    this.#screen?.countDown(due);
  }

  /** Prints a change. @returns its event */
  async printChange(change: AvailabilityChange): Promise<WatchEvent> {
    const event = changeEvent(change);
    await this.#print(event);
    return event;
  }

  /** Prints a failure that doesn't end the watch, unless it was already printed. @param candidate - what couldn't be bought */
  async printFailure(error: CommandError, candidate?: Candidate): Promise<void> {
    const event = errorEvent(error, this.#context.clocks.wall(), candidate);
    const id = [event.pool, event.blocks.join(), event.code].join(' ');
    if (this.#failures.has(id)) return;
    this.#failures.add(id);
    await this.#print(event);
  }

  /** Forgets the failures, so that the next ones are printed again. */
  forgetFailures(): void {
    this.#failures.clear();
  }

  /** Prints a purchase and the next step. @returns its event */
  async printPurchase(delivered: DeliveredPurchase, { candidate, charge }: OwnedSeats): Promise<WatchEvent> {
    const { kind, subscriptions } = delivered;
    const event = subscribedEvent(delivered, candidate, charge, this.#context.clocks.wall());
    await this.#print(event, () =>
      printPurchase(this.#context, kind === 'covered' ? subscriptions.map(withMaskedKey) : subscriptions),
    );
    this.#noteAfterPurchase(delivered);
    return event;
  }

  /** Sends notifications of openings and purchases. */
  notify(events: readonly WatchEvent[]): void {
    for (const event of events) {
      if (event.event === 'opened' || event.event === 'subscribed') this.#notifier?.notify(event);
    }
  }

  /** @param instead - prints the result for people, in place of the event */
  async #print(event: WatchEvent, instead?: () => Promise<void>): Promise<void> {
    const { output, world } = this.#context;
    const { timeZone } = world;
    if (output.isForPeople && instead) return instead();
    if (this.#screen) return this.#screen.addMessage(eventLine(event, timeZone));
    await output.event(event, { columns: eventColumns, fields: eventFields }, (clean) => eventLine(clean, timeZone));
    // A watch that buys goes on even without a reader.
    if (this.#options.subscribe) return;
    await output.written().catch(() => {
      this.#hasReader = false;
    });
  }

  #noteAfterPurchase({ kind, subscriptions, saved }: DeliveredPurchase): void {
    const withKeys = this.#options.createKey !== undefined;
    if (kind === 'covered') {
      noteCovered(this.#context, subscriptions, withKeys);
      return;
    }
    noteNextStep(this.#context, subscriptions, withKeys);
    if (saved) this.#context.output.done(savedText(saved));
  }

  #note(message: string): void {
    if (this.#screen) this.#screen.addMessage(message);
    else this.#context.output.note(message);
  }

  async #openScreen(pools: readonly string[]): Promise<WatchScreen | undefined> {
    const { output, world, clocks, progress } = this.#context;
    const terminal = output.liveScreen;
    if (!terminal) return undefined;
    const { WatchScreen } = await import('./screen.ts');
    const names = inWords(pools, 'or');
    const screen = new WatchScreen(terminal, {
      title: this.#options.subscribe ? `Waiting to subscribe to ${names}` : `Waiting for a seat on ${names}`,
      style: output.style,
      timeZone: world.timeZone,
      now: clocks.wall,
      terminal: await world.ownTerminal?.(),
      print: (line) => output.line(line),
      hold: () => progress.hold(),
    });
    screen.open();
    return screen;
  }
}
