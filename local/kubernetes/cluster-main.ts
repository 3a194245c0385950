/** The process of one embedded cluster: starts its parts when told so by its parent, and ends with it. */
import { flushCompileCache } from 'node:module';
import { type ClusterFacts, type ClusterParts, type ClusterSettings, startParts } from './cluster-parts.ts';

export type ToCluster = { op: 'start'; settings: ClusterSettings } | { op: 'stop' };
export type FromCluster =
  | { event: 'ready'; facts: ClusterFacts }
  | { event: 'failed'; message: string }
  | { event: 'log'; line: string };

/** A stop that hangs is cut: the pods' processes end with us anyway. */
const STOP_MS = 8_000;

const tell = (message: FromCluster) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};
let parts: Promise<ClusterParts> | undefined;
let stopping = false;

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await parts?.then((running) => running.stop()).catch(() => undefined);
  process.exit(0);
}

process.on('message', (message: ToCluster) => {
  if (message.op === 'stop') return void stop();
  parts ??= startParts(message.settings, (line) => tell({ event: 'log', line }));
  parts
    .then(({ server, caPem, adminToken, adminKubeconfig, lost }) => {
      tell({ event: 'ready', facts: { server, caPem, adminToken, adminKubeconfig } });
      // Not only at the end, which may be a kill.
      setImmediate(flushCompileCache);
      void lost?.then((why) => {
        if (!stopping) tell({ event: 'log', line: why });
        void stop();
      });
    })
    .catch((error: Error) => {
      tell({ event: 'failed', message: error.message });
      void stop();
    });
});
// The parent is gone, however that happened: nobody could stop us any more.
process.on('disconnect', () => void stop());
process.on('SIGTERM', () => void stop());
// Ctrl-C in the parent's terminal reaches us too; the parent decides when we end.
process.on('SIGINT', () => undefined);
