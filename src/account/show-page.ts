import type { Context } from '../context/context.ts';

/**
 * Shows a page of the API to the user: opens it in the browser if a person is there, and says where it is.
 *
 * @param page - an address that the API gave; only https, or http on this machine, is opened
 */
export async function showPage(
  { output, prompts, settings, world }: Pick<Context, 'output' | 'prompts' | 'settings' | 'world'>,
  page: string,
): Promise<void> {
  const url = URL.canParse(page) ? new URL(page) : undefined;
  const { isLoopback } = await import('../api/transport.ts');
  const local = url !== undefined && isLoopback(url.hostname);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (settings.sandbox.value && local) {
    output.note(
      `The sandbox serves this page while it runs: \`ci sandbox serve\`, then http://127.0.0.1:8787${url.pathname}`,
    );
  }
  if (!safe || !prompts.canAsk) return;
  try {
    if (!world.openUrl) throw new Error('there is no browser');
    await world.openUrl(url.href);
    output.note('Opened in the browser.');
  } catch {
    output.note('No browser could be opened: open the address yourself.');
  }
}
