/** The NetworkPolicies of a team's namespace (pure): nothing in but the agent, nothing out but DNS and the public internet (kubernetes.md finding 19). */
import * as z from 'zod';
import { AGENT_NAME, AGENT_NAMESPACE } from './names.ts';

/** No private, shared, link-local (the cloud's metadata), test or multicast address is the internet. */
export const NOT_PUBLIC_V4: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Global unicast alone: unique local, link-local, mapped and NAT64 addresses are outside it at once. Teredo and 6to4 lead to IPv4. */
export const PUBLIC_V6 = '2000::/3';
export const NOT_PUBLIC_V6: readonly string[] = ['2001::/32', '2002::/16'];

/** Of the node-local DNS cache, which answers on a link-local address. */
const NODE_LOCAL_DNS = '169.254.20.10';

const isV6 = (address: string) => address.includes(':');
/** An exception must be less than the range that it is taken from. */
const isNarrow = (cidr: string) => Number(cidr.split('/')[1]) > (isV6(cidr) ? 3 : 0);

/** What differs from cluster to cluster; written by its admin, and discovered by the agent (service, pod and node ranges). */
export const Network = z.strictObject({
  /** Addresses that answer DNS outside kube-system, such as GKE's 169.254.169.254. */
  resolvers: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .max(8)
    .default([NODE_LOCAL_DNS]),
  /** Ranges that are the cluster's own although they are public: of Services, pods, nodes, the VPC. */
  excluded: z
    .array(z.union([z.cidrv4(), z.cidrv6()]).refine(isNarrow, 'a range narrower than 0.0.0.0/0 and 2000::/3'))
    .max(32)
    .default([]),
});
export type Network = z.output<typeof Network>;

const hostCidr = (address: string) => `${address}/${isV6(address) ? 128 : 32}`;
/** Kubernetes takes only exceptions that lie inside the range: first hex digit 2 or 3 is 2000::/3. */
const isPublicV6 = (cidr: string) => /^[23][0-9a-f]{3}:/i.test(cidr);

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';
const agent = {
  namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: AGENT_NAMESPACE } },
  podSelector: { matchLabels: { 'app.kubernetes.io/name': AGENT_NAME } },
};
const dns = {
  namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: 'kube-system' } },
  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
};

/** Specs by the name of their policy. `ports` are those on which the agent reaches seats. */
export const networkPolicies = (
  { resolvers, excluded }: Network,
  ports: readonly number[],
): Readonly<Record<string, object>> => {
  const ours = (v6: boolean) => excluded.filter((cidr) => isV6(cidr) === v6);
  return {
    'default-deny': { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    egress: {
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: [dns, ...resolvers.map((address) => ({ ipBlock: { cidr: hostCidr(address) } }))],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
        {
          to: [
            { ipBlock: { cidr: '0.0.0.0/0', except: [...NOT_PUBLIC_V4, ...ours(false)] } },
            { ipBlock: { cidr: PUBLIC_V6, except: [...NOT_PUBLIC_V6, ...ours(true).filter(isPublicV6)] } },
          ],
        },
      ],
    },
    'ingress-agent': {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [{ from: [agent], ports: ports.map((port) => ({ protocol: 'TCP', port })) }],
    },
  };
};
