/**
 * Ranges that are the cluster's own although their addresses are public: of Services, pods and nodes. Dev pods reach the internet, not these
 * (kubernetes.md finding 19). Private ranges are never let through and need not be known.
 */
import { BlockList, isIP } from 'node:net';
import { NOT_PUBLIC_V4, NOT_PUBLIC_V6, PUBLIC_V6 } from '#core/domain/seat/network.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { type Log, reason } from '../log.ts';

const split = (cidr: string): { address: string; family: 'ipv4' | 'ipv6'; bits: number } | undefined => {
  const [address = '', length] = cidr.split('/');
  const version = isIP(address);
  if (version === 0) return undefined;
  const most = version === 4 ? 32 : 128;
  return { address, family: `ipv${version as 4 | 6}`, bits: length === undefined ? most : Number(length) };
};

const blocked = (cidrs: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const range = split(cidr);
    if (range) list.addSubnet(range.address, range.bits, range.family);
  }
  return list;
};
const notPublic = blocked([...NOT_PUBLIC_V4, ...NOT_PUBLIC_V6]);
const publicV6 = blocked([PUBLIC_V6]);

/** Those ranges (and single addresses, as ranges) that lie among public addresses, each once, in one order. Pure. */
export const publicRanges = (cidrs: readonly string[]): string[] => {
  const found = cidrs.flatMap((cidr) => {
    const range = split(cidr);
    if (range === undefined || notPublic.check(range.address, range.family)) return [];
    if (range.family === 'ipv6' && !publicV6.check(range.address, 'ipv6')) return [];
    return [`${range.address}/${range.bits}`];
  });
  return [...new Set(found)].sort();
};

interface ServiceCidr extends Item {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

export interface RangesOptions {
  readonly kubernetes: Kubernetes;
  readonly nodes: ReadonlyMap<string, { readonly ranges?: readonly string[] }>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Ranges {
  readonly all: () => readonly string[];
  /** Asks for the ranges of Services again; rejects never. */
  readonly refresh: () => Promise<void>;
}

export const clusterRanges = ({ kubernetes, nodes, log, signal }: RangesOptions): Ranges => {
  let services: readonly string[] = [];
  return {
    all: () => publicRanges([...services, ...[...nodes.values()].flatMap(({ ranges = [] }) => ranges)]),
    refresh: async () => {
      try {
        const found: string[] = [];
        for await (const { items } of kubernetes.pages<ServiceCidr>('/apis/networking.k8s.io/v1/servicecidrs', signal))
          found.push(...items.flatMap(({ spec }) => spec?.cidrs ?? []));
        services = found;
      } catch (error) {
        // Before Kubernetes 1.33 there is no such kind: the admin's policy names what is public there.
        if (!signal.aborted && !hasStatus(error, 404))
          log('warn', 'the ranges of Services were not read', { reason: reason(error) });
      }
    },
  };
};
