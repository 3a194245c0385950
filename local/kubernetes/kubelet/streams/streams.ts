/** What a remote command reads and writes, whatever carries it; and the Status that ends it. */
import type { Readable, Writable } from 'node:stream';

/** A refusal before the upgrade: an HTTP status and a text. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The size of a terminal, in characters. */
export interface TerminalSize {
  width: number;
  height: number;
}

/** What the client asked for. */
export interface StreamOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** The streams of one client. What it did not ask for is undefined. */
export interface RemoteStreams {
  /** Ends when the client closes its input (v5 only; v4 cannot say it). */
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  onResize(handler: (size: TerminalSize) => void): void;
  /** Aborted when the client is gone, whether or not the command has ended. */
  gone: AbortSignal;
  /** Sends the Status once all output is out, and closes. */
  finish(status: RemoteStatus): Promise<void>;
}

/** The Status of a command's end, as the kubelet writes it to the error stream. */
export interface RemoteStatus {
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes: { reason?: string; message: string }[] };
  code?: number;
}

export const SUCCESS: RemoteStatus = { metadata: {}, status: 'Success' };

/** 0 is success; another code travels as cause `ExitCode`, in containerd's words. */
export const exitStatus = (command: readonly string[], code: number): RemoteStatus =>
  code === 0
    ? SUCCESS
    : {
        metadata: {},
        status: 'Failure',
        message: `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${code}`,
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
      };

/** The command did not run to an end of its own. */
export function internalStatus(message: string): RemoteStatus {
  const text = `error executing command in container: ${message}`;
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${text}`,
    reason: 'InternalError',
    details: { causes: [{ message: text }] },
    code: 500,
  };
}

/** Reads `stdin=1&stdout=1&…` as the API writes it, or `input=1&output=1&error=1` as a kubelet is asked. Throws when nothing is wanted. */
export function streamOptions(query: URLSearchParams): StreamOptions {
  const flag = (...names: string[]) => names.some((name) => ['1', 'true', ''].includes(query.get(name) ?? 'no'));
  const tty = flag('tty');
  // A terminal has one output.
  const options = {
    stdin: flag('stdin', 'input'),
    stdout: flag('stdout', 'output'),
    stderr: !tty && flag('stderr', 'error'),
    tty,
  };
  if (!options.stdin && !options.stdout && !options.stderr)
    throw new Refused(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return options;
}
