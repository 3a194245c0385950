/** Container logs: files in the CRI format, read as `kubectl logs` asks for them. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type LogStream = 'stdout' | 'stderr';

export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  /** Nothing older, as epoch milliseconds. */
  sinceMs?: number;
  /** Only what was written there; else both. */
  stream?: LogStream;
}

/** One file a run of a container. */
export const logFile = (podDir: string, container: string, restart: number): string =>
  join(podDir, 'logs', container, `${restart}.log`);

/** How often a followed file is looked at. */
const FOLLOW_MS = 100;
const CHUNK = 64 * 1024;

/** Parses the query of the kubelet's log API. Throws with what is wrong. */
export function logOptions(query: URLSearchParams, now = Date.now()): LogOptions {
  const flag = (name: string) => query.get(name) === 'true' || query.get(name) === '1';
  const count = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^\d+$/.test(text)) throw new Error(`${name}=${text} is no whole number of at least 0`);
    return Number(text);
  };
  const tailLines = count('tailLines');
  const limitBytes = count('limitBytes');
  const sinceSeconds = count('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const sinceMs = sinceTime
    ? Date.parse(sinceTime)
    : sinceSeconds === undefined
      ? undefined
      : now - sinceSeconds * 1000;
  if (Number.isNaN(sinceMs)) throw new Error(`sinceTime=${sinceTime} is no RFC 3339 time`);
  const stream = query.get('stream')?.toLowerCase();
  if (stream !== undefined && !['all', 'stdout', 'stderr'].includes(stream))
    throw new Error(`stream=${stream} is none of All, Stdout, Stderr`);
  return {
    ...((stream === 'stdout' || stream === 'stderr') && { stream }),
    follow: flag('follow'),
    timestamps: flag('timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceMs !== undefined && { sinceMs }),
  };
}

/** A CRI line as it is shown; undefined where it is too old. */
function shown(line: string, options: LogOptions): string | undefined {
  const [time = '', stream, , ...text] = line.split(' ');
  if (options.stream !== undefined && stream !== options.stream) return undefined;
  if (options.sinceMs !== undefined && Date.parse(time) < options.sinceMs) return undefined;
  const body = text.join(' ');
  return options.timestamps ? `${time} ${body}\n` : `${body}\n`;
}

/** Complete lines from the handle's position on. */
async function* linesOf(
  file: FileHandle,
  done: () => boolean,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const buffer = Buffer.alloc(CHUNK);
  let rest = Buffer.alloc(0);
  let last = false;
  while (!signal.aborted) {
    // Asked before reading: what a process wrote before it ended is read once more after its end.
    last = done();
    const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
    if (bytesRead > 0) {
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield rest.subarray(0, end).toString('utf8');
        rest = rest.subarray(end + 1);
      }
    } else if (!follow || last) return;
    else await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** The text of a log. With `follow` it goes on until `done` says that the container has ended, or the signal. */
export async function* readLog(
  path: string,
  options: LogOptions,
  done: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  const cut = (text: string): Buffer => {
    const bytes = Buffer.from(text).subarray(0, left);
    left -= bytes.length;
    return bytes;
  };
  let file: FileHandle | undefined;
  while (file === undefined) {
    file = await open(path).catch(() => undefined);
    if (file === undefined) {
      if (!options.follow || done() || signal.aborted) return;
      await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  try {
    if (options.tailLines !== undefined) {
      const tail: string[] = [];
      for await (const line of linesOf(file, () => true, false, signal)) {
        const text = shown(line, options);
        if (text === undefined) continue;
        tail.push(text);
        if (tail.length > options.tailLines) tail.shift();
      }
      for (const text of tail) if (left > 0) yield cut(text);
      if (!options.follow) return;
    }
    for await (const line of linesOf(file, done, options.follow, signal)) {
      const text = shown(line, options);
      if (text !== undefined) yield cut(text);
      if (left <= 0) return;
    }
  } finally {
    await file.close();
  }
}
