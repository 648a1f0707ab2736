import type { Context } from '../context/context.ts';
import { servedSandbox } from './web-pages.ts';

/**
 * Opens a page in the browser if the user is at a terminal.
 *
 * @param page - a URL from the API; only https, or http on this machine, is opened
 */
export async function showPage(
  { output, prompts, settings, world }: Pick<Context, 'output' | 'prompts' | 'settings' | 'world'>,
  page: string,
): Promise<void> {
  const url = URL.canParse(page) ? new URL(page) : undefined;
  const { isLoopback } = await import('../api/host.ts');
  const local = url !== undefined && isLoopback(url.hostname);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && local);
  if (settings.sandbox.value && local) {
    output.note(
      `This page is available only while this command runs. To open it later, run \`ci sandbox serve\`, then open:\n  ${servedSandbox}${url.pathname}`,
    );
  }
  if (!safe || !prompts.canAsk) return;
  try {
    if (!world.openUrl) throw new Error('no browser');
    await world.openUrl(url.href);
    output.note('Opened in your browser.');
  } catch {
    output.note("Can't open a browser. Open the URL yourself.");
  }
}
