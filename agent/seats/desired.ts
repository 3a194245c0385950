/** What the control plane wants here: the list it was synced from, seats not yet written as resources, and tombstones not yet carried out. */
import type { SeatRow } from '#core/contract/agent.ts';
import type { DesiredSeat, VolumeFate } from '#core/contract/seat.ts';
import { seatName } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import { type BackOff, waitAfter } from '../kubernetes/queue.ts';
import type { Link } from '../link.ts';
import { type Log, reason } from '../log.ts';
import type { ClusterRecord } from './cluster-record.ts';
import { specHash, type WorkspaceFacts } from './facts.ts';
import { compare, fetchSeats, type Here, listSeats, type Source, seatsDigest } from './sync.ts';
import type { Tell } from './tell.ts';

export interface Tombstone {
  readonly id: string;
  readonly revision: number;
  readonly fate: VolumeFate;
}

export interface DesiredOptions {
  readonly record: ClusterRecord;
  /** Workspaces of the control plane that are here now. */
  readonly here: () => Iterable<WorkspaceFacts>;
  /** Resolves when `here` is the whole truth. */
  readonly ready: Promise<unknown>;
  /** A seat is to be written as a resource: `take` it then. */
  readonly onWanted: (id: string) => void;
  readonly onTombstone: (id: string) => void;
  /** The list was read: what is `unlisted` may have changed for these. */
  readonly onUnlisted: (seat: WorkspaceFacts) => void;
  readonly tell: Tell;
  readonly clock: Clock;
  readonly log: Log;
  readonly backOff: BackOff;
  readonly signal: AbortSignal;
}

export interface Desired {
  /** Follows the control plane behind this link, if it is the one that this cluster belongs to. */
  follow(link: Link): void;
  /** The control plane's digest of the list, as heard. */
  heard(digest: string | undefined): void;
  /** Takes a pushed seat or tombstone: news only, the list is the truth. */
  apply(seat: DesiredSeat): void;
  bury(tombstone: Tombstone): void;
  /** The resource does not say what the control plane gave: it is fetched again. */
  refresh(id: string): void;
  wanted(id: string): DesiredSeat | undefined;
  written(seat: DesiredSeat): void;
  /** By the name of the seat's objects. */
  tombstone(name: string): Tombstone | undefined;
  buried(tombstone: Tombstone): void;
  isUnlisted(id: string): boolean;
  source(): Source | undefined;
}

const idOf = ({ spec, name }: WorkspaceFacts): string => spec?.id ?? name.replace('-', '_');

export const desiredState = (options: DesiredOptions): Desired => {
  const { record, here, ready, onWanted, onTombstone, onUnlisted, tell, clock, log, backOff, signal } = options;
  const wanted = new Map<string, DesiredSeat>();
  const tombstones = new Map<string, Tombstone>();
  /** Revisions that were carried to the grave by this process: a push that comes late must not raise them. */
  const graves = new Map<string, number>();
  const stale = new Set<string>();
  let unlisted: ReadonlySet<string> = new Set();
  let source: Source | undefined;
  let following: Link | undefined;
  let news = new AbortController();
  let theirs: string | undefined;

  const rows = (): SeatRow[] => {
    const all = new Map<string, SeatRow>();
    for (const seat of here()) {
      const id = idOf(seat);
      if (!unlisted.has(id)) all.set(id, { id, revision: seat.spec?.revision ?? 1 });
    }
    for (const { id, spec } of wanted.values()) all.set(id, { id, revision: spec.revision ?? 1 });
    for (const { id, revision, fate } of tombstones.values()) all.set(id, { id, revision, tombstone: fate });
    return [...all.values()];
  };

  const apply = (seat: DesiredSeat) => {
    const revision = seat.spec.revision ?? 1;
    if (tombstones.has(seatName(seat.id)) || revision <= (graves.get(seat.id) ?? 0)) return;
    const known = [...here()].find((one) => idOf(one) === seat.id);
    const knownRevision = Math.max(known?.spec?.revision ?? 0, wanted.get(seat.id)?.spec.revision ?? 0);
    const isSame =
      known?.spec !== undefined && known.given === specHash(seat.spec) && specHash(known.spec) === known.given;
    if (revision < knownRevision || (revision === knownRevision && isSame)) return;
    wanted.set(seat.id, seat);
    onWanted(seat.id);
  };

  const bury = (tombstone: Tombstone) => {
    const name = seatName(tombstone.id);
    if (tombstone.revision < (tombstones.get(name)?.revision ?? 0)) return;
    wanted.delete(tombstone.id);
    tombstones.set(name, tombstone);
    onTombstone(tombstone.id);
  };

  const sync = async (link: Link, from: Source) => {
    const listed = await listSeats(link, seatsDigest(rows()), from);
    const fetched = new Set(stale);
    if (listed) {
      const present: Here[] = [...here()].map((seat) => ({ id: idOf(seat), revision: seat.spec?.revision ?? 0 }));
      const different = compare(present, listed);
      for (const tombstone of different.tombstones) bury(tombstone);
      for (const id of different.older) {
        tell.say(
          'RevisionRefused',
          id,
          'the control plane names an older revision than the one here: it was restored from an older table, and the newer spec is kept',
        );
      }
      for (const id of different.wanted) fetched.add(id);
      const before = unlisted;
      unlisted = new Set(different.unlisted);
      for (const seat of here()) {
        const [was, is] = [before.has(idOf(seat)), unlisted.has(idOf(seat))];
        if (is && !was)
          tell.say('Unlisted', idOf(seat), 'it is here and the control plane does not list it: it is left alone');
        if (was !== is) onUnlisted(seat);
      }
    }
    for await (const seat of fetchSeats(link, [...fetched])) apply(seat);
    for (const id of fetched) stale.delete(id);
  };

  const keepFollowing = async (link: Link) => {
    let failures = 0;
    await ready;
    while (!link.signal.aborted && !signal.aborted && following === link) {
      const change = news.signal;
      try {
        if (source === undefined) source = await record.accept(link.ack);
        if (theirs !== seatsDigest(rows()) || stale.size > 0) await sync(link, source);
        failures = 0;
        await clock.sleep(2 ** 30, AbortSignal.any([link.signal, signal, change]));
      } catch (error) {
        if (link.signal.aborted || signal.aborted) return;
        log((error as Error).name === 'UntrustedError' ? 'error' : 'warn', 'the list of seats was not followed', {
          reason: reason(error),
        });
        await clock.sleep(waitAfter(backOff, failures++), AbortSignal.any([link.signal, signal]));
      }
    }
  };

  const look = () => {
    const before = news;
    news = new AbortController();
    before.abort();
  };

  return {
    follow: (link) => {
      following = link;
      source = undefined;
      theirs = link.ack.seats;
      if (theirs !== undefined) void keepFollowing(link);
    },
    heard: (digest) => {
      if (digest === undefined || (digest === theirs && digest === seatsDigest(rows()))) return;
      theirs = digest;
      look();
    },
    // A push before the sender was accepted is dropped: the list that follows holds it.
    apply: (seat) => source && apply(seat),
    bury: (tombstone) => source && bury(tombstone),
    refresh: (id) => {
      stale.add(id);
      look();
    },
    wanted: (id) => wanted.get(id),
    written: (seat) => {
      if (wanted.get(seat.id) === seat) wanted.delete(seat.id);
    },
    tombstone: (name) => tombstones.get(name),
    buried: (tombstone) => {
      const name = seatName(tombstone.id);
      graves.set(tombstone.id, tombstone.revision);
      if (tombstones.get(name) === tombstone) tombstones.delete(name);
    },
    isUnlisted: (id) => unlisted.has(id),
    source: () => source,
  };
};
