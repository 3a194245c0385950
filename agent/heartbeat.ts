/** Keeps one link alive: heartbeats at the server's pace, and ends the link when the server falls silent. */
import type { Clock } from './clock.ts';
import type { Link } from './link.ts';
import { type Log, reason } from './log.ts';
import type { Pace, Vitals } from './vitals.ts';

export interface HeartbeatOptions {
  readonly link: Link;
  readonly vitals: Vitals;
  /** The digest of the list of seats that came with an answer. */
  readonly onSeats: (digest: string | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Beats until the link ends. `pace` takes a pushed pace, answered with a heartbeat at once. */
export const startHeartbeat = ({ link, vitals, onSeats, clock, log }: HeartbeatOptions): { pace(pace: Pace): void } => {
  let { paceSeconds } = link.ack;
  let hurry = new AbortController();
  let heard = new AbortController();

  const beat = async () => {
    try {
      const answer = await link.ask('heartbeat', { paceSeconds });
      if (answer.type !== 'heartbeat.ack') return;
      vitals.acknowledged(answer.payload);
      paceSeconds = answer.payload.paceSeconds;
      heard.abort();
      onSeats(answer.payload.seats);
    } catch (error) {
      if (!link.signal.aborted) log('warn', 'a heartbeat was not acknowledged', { reason: reason(error) });
    }
  };

  const beats = async () => {
    while (!link.signal.aborted) {
      await clock.sleep(paceSeconds * 1000, AbortSignal.any([link.signal, hurry.signal]));
      hurry = new AbortController();
      if (!link.signal.aborted) await beat();
    }
  };

  const watchSilence = async () => {
    while (!link.signal.aborted) {
      const left = vitals.patience();
      if (left <= 0) {
        log('error', 'the control plane is silent; the socket is dropped');
        link.drop();
        return;
      }
      heard = new AbortController();
      await clock.sleep(left, AbortSignal.any([link.signal, heard.signal]));
    }
  };

  void beats();
  void watchSilence();
  return {
    pace: (pace) => {
      vitals.announced(pace);
      paceSeconds = pace.paceSeconds;
      hurry.abort();
    },
  };
};
