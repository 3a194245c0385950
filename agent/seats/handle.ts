/** Dev pods from the agent's point of view: begun where there is reason to, told of links and pushes, ended with the cluster's time with us. */

import type { Policy } from '#core/domain/seat/policy.ts';
import type { Clock } from '../clock.ts';
import { fullJitter } from '../clock.ts';
import type { HelloAck, Link, Push } from '../link.ts';
import { type Log, reason } from '../log.ts';
import type { ClusterRecord } from './cluster-record.ts';
import { mintCredential } from './credential.ts';
import { PACES } from './paces.ts';
import { type Seats, type SeatsOptions, startSeats } from './seats.ts';

export interface SeatsHandle {
  /** This link is the one in use. */
  use(link: Link): void;
  push(push: Push): void;
  heard(digest: string | undefined): void;
  /** A pod in a namespace of a team that is no seat's. */
  foreignPod(namespace: string, name: string): void;
  /** As the cluster's admin last wrote them; nothing while nothing is known of dev pods here. */
  profiles(): Policy['profiles'] | undefined;
  /** Every seat is stopped from now on; resolves when no pod of one is left, or after a bounded wait. */
  stopAll(): Promise<void>;
  /** Nothing is done for seats any more. */
  end(): Promise<void>;
  /** Forgets whose this cluster was. */
  forget(): Promise<void>;
  /** Resolves when the signal has aborted and nothing is being written any more. */
  readonly done: () => Promise<void>;
}

export interface HandleOptions extends Omit<SeatsOptions, 'recorded' | 'signal'> {
  readonly record: ClusterRecord;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const STOP_MS = 60_000;
const LOOK_MS = 500;

/** A cluster that was never told of seats is not watched for them. */
const mayHold = (ack: HelloAck): boolean => ack.seats !== undefined;

export const seatsHandle = (options: HandleOptions): SeatsHandle => {
  const { kubernetes, api, record, clock, log, signal } = options;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let seats: Seats | undefined;

  const begin = (recorded: SeatsOptions['recorded']): Seats => {
    seats ??= startSeats({ ...options, recorded, signal: until });
    return seats;
  };

  /** Dev pods go on while the control plane is gone: what is recorded here is enough to begin with. */
  const resume = async () => {
    for (let attempt = 0; !until.aborted && !seats; attempt++) {
      try {
        const recorded = await record.read();
        if (recorded) begin(recorded);
        return;
      } catch (error) {
        if (until.aborted) return;
        log('warn', 'whether there are dev pods here was not read', { reason: reason(error) });
        await clock.sleep(fullJitter(attempt, clock.random), until);
      }
    }
  };
  void resume();

  let current: Link | undefined;
  /** Sockets are replaced, and cut: only what lasts is written down. */
  const noteLoss = async (link: Link) => {
    await clock.sleep(options.paces?.lostMs ?? PACES.lostMs, until);
    if (until.aborted || current !== link) return;
    await record.disconnected().catch((error: unknown) => {
      log('warn', 'the loss of the control plane was not written down', { reason: reason(error) });
    });
  };

  return {
    use: (link) => {
      if (over.signal.aborted) return;
      if (mayHold(link.ack)) begin(undefined);
      if (!seats) return;
      current = link;
      link.signal.addEventListener('abort', () => void noteLoss(link), { once: true });
      seats.use(link);
    },
    push: (push) => {
      if (push.type === 'workspace.apply') seats?.desired.apply(push.payload.seat);
      else if (push.type === 'workspace.delete') {
        const { id, revision, volumes: fate } = push.payload;
        seats?.desired.bury({ id, revision, fate });
      } else if (push.type === 'credential.mint') {
        const workspaces = () => seats?.mirrors.Workspace.all() ?? [];
        void mintCredential(push.payload, { kubernetes, api, log, signal: until, workspaces });
      }
    },
    heard: (digest) => seats?.desired.heard(digest),
    foreignPod: (namespace, name) => {
      if (seats?.mirrors.Namespace.get('', namespace) === undefined) return;
      seats.say(
        'ForeignPod',
        `Pod ${namespace}/${name}`,
        'a pod that Roadstead did not make runs in a namespace of a team',
      );
    },
    profiles: () => seats?.profiles(),
    stopAll: async () => {
      seats?.stopAll();
      const end = clock.now() + STOP_MS;
      while (seats && seats.pods() > 0 && clock.now() < end && !until.aborted) {
        await clock.sleep(LOOK_MS, until);
      }
    },
    end: async () => {
      over.abort();
      await seats?.done;
    },
    forget: () => record.remove(),
    done: async () => {
      await seats?.done;
    },
  };
};
