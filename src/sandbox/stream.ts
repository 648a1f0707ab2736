/** Time between two chunks of a stream, in milliseconds. */
const chunkInterval = 15;

/**
 * Returns a response of server-sent events, with pauses between them.
 *
 * @param chunks - events, each with an empty line at its end
 * @param ended - called when the last event is sent, or the client is gone
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
          // Ends before the client knows, because its next request must not be refused.
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
