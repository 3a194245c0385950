/** Container output as CRI log lines: `TIME stdout F text`. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

export interface LogWriter {
  /** A line that comes in several chunks is still one line. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** Writes what has no line end, and closes the file. */
  end(): void;
}

export function openLog(path: string): LogWriter {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let fd: number | undefined = openSync(path, 'a', 0o600);
  const open = {
    stdout: { decoder: new StringDecoder('utf8'), rest: '' },
    stderr: { decoder: new StringDecoder('utf8'), rest: '' },
  };
  const line = (stream: string, text: string) => {
    if (fd !== undefined) writeSync(fd, `${new Date().toISOString().replace('Z', '000000Z')} ${stream} F ${text}\n`);
  };
  return {
    write(stream, chunk) {
      const state = open[stream];
      const lines = (state.rest + state.decoder.write(chunk)).split('\n');
      state.rest = lines.pop() ?? '';
      for (const text of lines) line(stream, text);
    },
    end() {
      for (const [stream, { rest }] of Object.entries(open)) if (rest !== '') line(stream, rest);
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
