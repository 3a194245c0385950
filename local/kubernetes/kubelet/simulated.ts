/** What is said of a container whose image is not run on this machine: in its log and as an event. */
import type { Container } from '../controllers/machinery/types.ts';
import { openLog } from './log-writer.ts';
import type { PrepareHost } from './prepare.ts';

export function saySimulated({ event }: PrepareHost, { name, image }: Container, path: string): void {
  const log = openLog(path);
  const text = `image ${image} is not run on this machine: this container is simulated and has no process`;
  log.write('stdout', Buffer.from(text));
  log.end();
  event(
    'Normal',
    'Simulated',
    `Container ${name}: image "${image}" is not run on this machine, its status is simulated`,
  );
}
