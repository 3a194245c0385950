/** What a container of a known image is on this machine: its process, and how to run a command beside it. */
import type { ProcessSpec } from './tether.ts';

/** A command of a container: its process, or one beside it. */
export interface Beside extends Omit<ProcessSpec, 'log'> {
  /** On a terminal: input is for it only after it has written one NUL. */
  handshake: boolean;
}

/** TCP ports that are the image's own, and the file of this machine that its program makes when it would listen on them. */
export interface Held {
  ports: readonly number[];
  once: string;
}

/** How far a container is kept apart from this machine and from other containers. */
export type Isolation = 'user-namespace' | 'process';

export interface Runnable {
  isolation: Isolation;
  /** What of the image the kubelet holds while the process runs. */
  held?: Held;
  /** The folder or file of this machine behind a path of the container. Pure. */
  outside(path: string): string;
  /** The mark of its processes, where no namespace holds them together. */
  mark?: string;
  /** The file of this machine in which it may say why it ends. */
  terminationLog?: string;
  /** The file of this machine that says why its program could not be started; empty or absent: it was. */
  fault?: string;
  /** The container's process; on a terminal if the container has one. */
  main: Beside;
  /** The same place and environment for another command. Rejects when the container cannot be entered. */
  beside(command: readonly string[], tty: boolean): Promise<Beside>;
  /** The pid, on this machine, of the first process of the container's own namespace, if it has one. */
  firstProcess?(): Promise<number>;
}
