/** Tells once in this agent's life which Workspaces of the cluster's own are here: what was deleted before we watched is missing from it. */
import { CENSUS } from '#core/contract/agent.ts';
import type { Link } from '../link.ts';
import { type Log, reason } from '../log.ts';

export interface CensusOptions {
  /** Everything that is here is known. */
  readonly ready: Promise<unknown>;
  readonly uids: () => readonly string[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Called with each link, until one has taken it. */
export const censusTeller = ({ ready, uids, log, signal }: CensusOptions): ((link: Link) => void) => {
  let told = false;
  const tell = async (link: Link) => {
    await ready;
    // At the end nothing may be known: an empty census would end every mirror.
    if (signal.aborted) return;
    const sorted = uids().toSorted();
    for (let at = 0; at === 0 || at < sorted.length; at += CENSUS) {
      const page = sorted.slice(at, at + CENSUS);
      const [after, upTo] = [sorted[at - 1], at + CENSUS < sorted.length ? page.at(-1) : undefined];
      await link.ask('workspace.census', {
        ...(after === undefined ? {} : { after }),
        ...(upTo === undefined ? {} : { upTo }),
        uids: page,
      });
    }
    told = true;
  };
  return (link) => {
    if (told) return;
    tell(link).catch((error: unknown) => {
      if (!link.signal.aborted) log('warn', 'the census of Workspaces was not taken', { reason: reason(error) });
    });
  };
};
