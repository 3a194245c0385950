/** Attaching to a container that reads no input: its output from now on, until it ends. */
import type { Writable } from 'node:stream';
import { type LogStream, readLog } from '../logs.ts';
import { type RemoteStreams, SUCCESS } from './streams.ts';

/** `log`: the file of the present run, and whether that is over. */
export async function followOutput(log: { path: string; done: () => boolean }, client: RemoteStreams): Promise<void> {
  const follow = async (stream: LogStream, to: Writable | undefined) => {
    if (to === undefined) return;
    const options = { follow: true, timestamps: false, tailLines: 0, stream };
    for await (const chunk of readLog(log.path, options, log.done, client.gone)) {
      if (!to.write(chunk) && !client.gone.aborted) await new Promise((resolve) => to.once('drain', resolve));
    }
  };
  await Promise.all([follow('stdout', client.stdout), follow('stderr', client.stderr)]);
  await client.finish(SUCCESS);
}
