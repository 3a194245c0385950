/** What a container says of its own end: the file that it may write for that, or else the last lines of its log. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from '../controllers/machinery/types.ts';
import { readLog } from './logs.ts';
import type { Mount } from './paths.ts';

/** The real kubelet's limits (pkg/kubelet/container/helpers.go): the end of what was written counts. */
const MESSAGE_BYTES = 4096;
const LOG_LINES = 80;
const LOG_BYTES = 2048;

/** Where a container that names no other place writes it. */
const DEFAULT_PATH = '/dev/termination-log';

/** Makes the file anew, empty, for the coming run: what the one before said is not of this one. */
export async function terminationFile(podDir: string, container: Container): Promise<Mount> {
  const dir = join(podDir, 'containers', container.name);
  const folder = join(dir, 'termination-log');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFile(folder, '', { mode: 0o666 });
  return { mountPath: container.terminationMessagePath || DEFAULT_PATH, folder };
}

async function endOf(path: string, bytes: number): Promise<string> {
  let file: FileHandle | undefined;
  try {
    // A plain process may put anything in its place: no link is followed, no pipe waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, Math.max(0, size - bytes));
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    // Gone, or no file any more: it said nothing.
    return '';
  } finally {
    await file?.close();
  }
}

async function lastLines(log: string): Promise<string> {
  const options = { follow: false, timestamps: false, tailLines: LOG_LINES };
  const chunks: Buffer[] = [];
  for await (const chunk of readLog(log, options, () => true, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks).subarray(-LOG_BYTES).toString('utf8');
}

/** The message of a run that has ended; undefined: it said nothing. `path`: the file behind its mount. */
export async function terminationMessage(
  { terminationMessagePolicy: policy }: Container,
  exitCode: number,
  { path, log }: { path: string; log: string },
): Promise<string | undefined> {
  const said = await endOf(path, MESSAGE_BYTES);
  if (said === '' && policy === 'FallbackToLogsOnError' && exitCode !== 0) return (await lastLines(log)) || undefined;
  return said || undefined;
}
