import { accountLabel } from '../../config/settings.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../domain/counted.ts';
import { durationInWords } from '../../domain/duration.ts';
import { factLines } from '../../output/text.ts';
import type { Rotation } from '../../state/rotation.ts';
import { keyLabel } from '../keys/find.ts';
import type { NewRotation, RotationOptions } from './begin.ts';
import { labelOf, type RotationTools } from './replace.ts';

/** What a command is about to rotate. */
interface PlannedRotations {
  readonly fresh: readonly NewRotation[];
  readonly begun: readonly Rotation[];
  readonly settings: RotationOptions;
}

/**
 * Shows what will be replaced, where the new secrets go, and when the old keys are revoked, and asks for consent.
 *
 * @throws CommandError (declined); (usage) if the place isn't valid
 */
export async function agreeToRotate(
  context: Pick<Context, 'output' | 'prompts' | 'settings'>,
  tools: Pick<RotationTools, 'destinationOf'>,
  { fresh, begun, settings }: PlannedRotations,
): Promise<void> {
  const { output, prompts } = context;
  const [resumed] = begun;
  const isShared = (id: string) => settings.ownPlace?.(id) === undefined;
  const first = fresh.find(({ key }) => isShared(key.id));
  const own = [...fresh.map(({ key }) => key.id), ...begun.map(({ old }) => old.id)].filter((id) => !isShared(id));
  const place = first?.place ?? settings.place ?? resumed?.place;
  const old = first ? { id: first.key.id } : (resumed?.old ?? { id: '' });
  // Refuses a place that isn't valid.
  const destination = place && (await tools.destinationOf({ old, place, stale: [] }, false));
  if (!prompts.asksConsent) return;
  const { overlap = resumed?.overlap ?? 0, proof = resumed?.proof, allowsGap = resumed?.allowsGap } = settings;
  const keys = [
    ...fresh.map(({ key }) => keyLabel(key)),
    ...begun.map((each) => `${labelOf(each.old)}, begun earlier`),
  ];
  const shown = keys.slice(0, mostShown);
  const more = keys.length - shown.length;
  output.note(
    factLines([
      ...shown.map((key) => ['Key', key] as const),
      ...(more > 0 ? [['', `and ${more} more`] as const] : []),
      ...(own.length < keys.length ? [['New secret', destination?.describe(1).shownAs ?? ''] as const] : []),
      ...(own.length > 0 ? [['Sent to', `the destinations of ${counted(own.length, 'row')}`] as const] : []),
      ['Proof', proof === undefined ? 'the API accepts the new key' : `the program ${proof}`],
      ['Old key', `revoked ${overlapText(overlap)}`],
      ...(allowsGap
        ? [
            [
              'Gap',
              'If a seat allows one key, the old key is revoked first. Until the new one is delivered, no key works',
            ] as const,
          ]
        : []),
      ['Account', accountLabel(context.settings)],
    ]),
  );
  await prompts.consent(keys.length === 1 ? 'Rotate this key?' : `Rotate these ${keys.length} keys?`);
}

/** How many keys the confirmation names. */
const mostShown = 10;

function overlapText(overlap: Rotation['overlap']): string {
  if (typeof overlap === 'string') return `when the program ${overlap} succeeds`;
  return overlap === 0 ? 'right after the new one works' : `${durationInWords(overlap)} after the new one works`;
}
