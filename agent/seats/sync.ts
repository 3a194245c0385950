/** What should be here, as the control plane lists it, against what is here (DESIGN §2: the list is the truth, but absence never deletes). */
import { hash } from 'node:crypto';
import { digestInput, type SeatRow, type ServerMessage } from '#core/contract/agent.ts';
import type { DesiredSeat, VolumeFate } from '#core/contract/seat.ts';
import { type Link, LinkError } from '../link.ts';

type Page = Extract<ServerMessage, { type: 'sync.page' }>['payload'];

/** Of whom the list must come: another deployment's, or one from before a restore, is not followed. */
export interface Source {
  readonly deploymentId: string;
  readonly epoch: number;
}

export const seatsDigest = (rows: readonly SeatRow[]): string => hash('sha256', digestInput(rows));

/** How often a list that changed between two of its pages is begun anew. */
const TRIES = 5;
/** What `seats.get` takes at once. */
const AT_ONCE = 20;

const ask = async (link: Link, digest: string, source: Source, after?: string): Promise<Page> => {
  const answer = await link.ask('sync', { digest, ...(after === undefined ? {} : { after }) });
  if (answer.type !== 'sync.page') throw new LinkError('Invalid', `sync was answered with ${answer.type}`);
  const { deploymentId, epoch } = answer.payload;
  if (deploymentId !== source.deploymentId || epoch !== source.epoch) {
    throw new LinkError('Invalid', `the list is of deployment ${deploymentId} at epoch ${epoch}, hello was not`);
  }
  return answer.payload;
};

/** The whole list, or nothing when it is what is here. Throws LinkError. */
export const listSeats = async (link: Link, digest: string, source: Source): Promise<SeatRow[] | undefined> => {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const first = await ask(link, digest, source);
    if (first.unchanged) return undefined;
    const rows = [...first.rows];
    let page = first;
    while (page.next !== undefined && page.digest === first.digest) {
      page = await ask(link, digest, source, page.next);
      rows.push(...page.rows);
    }
    if (page.digest === first.digest) return rows;
  }
  throw new LinkError('Retry', 'the list of seats changed while it was read');
};

/** Seats whole. What went away since it was listed is missing from the answer. Throws LinkError. */
export const fetchSeats = async function* (link: Link, ids: readonly string[]): AsyncGenerator<DesiredSeat> {
  let missing = [...ids];
  while (missing.length > 0) {
    const asked = missing.slice(0, AT_ONCE);
    const answer = await link.ask('seats.get', { ids: asked });
    if (answer.type !== 'seats') throw new LinkError('Invalid', `seats.get was answered with ${answer.type}`);
    const got = new Set(answer.payload.seats.map(({ id }) => id));
    yield* answer.payload.seats.filter(({ id }) => asked.includes(id));
    // At least one of those that exist is answered: none means that none of them does.
    missing = got.size === 0 ? missing.slice(asked.length) : missing.filter((id) => !got.has(id));
  }
};

export interface Here {
  readonly id: string;
  readonly revision: number;
}

export interface Differences {
  /** New, or changed: to be fetched. */
  readonly wanted: readonly string[];
  readonly tombstones: readonly { readonly id: string; readonly revision: number; readonly fate: VolumeFate }[];
  /** Here and not listed: reported and left alone. */
  readonly unlisted: readonly string[];
  /** Listed with less than what is here: a restored table; left alone. */
  readonly older: readonly string[];
}

export const compare = (here: readonly Here[], listed: readonly SeatRow[]): Differences => {
  const known = new Map(here.map(({ id, revision }) => [id, revision]));
  const rows = new Map(listed.map((row) => [row.id, row]));
  const living = listed.filter(({ tombstone }) => tombstone === undefined);
  return {
    wanted: living.filter(({ id, revision }) => revision > (known.get(id) ?? 0)).map(({ id }) => id),
    older: living.filter(({ id, revision }) => revision < (known.get(id) ?? 0)).map(({ id }) => id),
    tombstones: listed.flatMap(({ id, revision, tombstone }) =>
      tombstone === undefined ? [] : [{ id, revision, fate: tombstone }],
    ),
    unlisted: here.filter(({ id }) => !rows.has(id)).map(({ id }) => id),
  };
};
