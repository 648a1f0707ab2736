/** How long a stream waits between two chunks, milliseconds. */
const chunkInterval = 15;

/**
 * An answer of server-sent events, with a pause between each two.
 *
 * @param chunks - whole events, each ending in an empty line
 * @param ended - called when the last one is sent or the client has gone
 */
export function eventStream(
  chunks: string[],
  pause: (milliseconds: number) => Promise<void>,
  ended: () => void,
): Response {
  const encoder = new TextEncoder();
  let sent = 0;
  const failed = (error: unknown) => {
    ended();
    throw error;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (sent > 0) await pause(chunkInterval).catch(failed);
        const chunk = chunks[sent];
        sent += 1;
        if (chunk !== undefined) controller.enqueue(encoder.encode(chunk));
        if (sent >= chunks.length) {
          // Before the client can know: its next request must find the key free.
          ended();
          controller.close();
        }
      },
      cancel: ended,
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' } });
}
