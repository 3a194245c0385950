/** What a packet of a dev pod meets: the rendered NetworkPolicies, evaluated. */
import { describe, expect, test } from 'vitest';
import { teamNamespace } from '#core/domain/seat/names.ts';
import { renderNamespace } from '#core/domain/seat/namespace.ts';
import { readPolicy } from '#core/domain/seat/policy.ts';
import { type End, type NetworkPolicySpec, type Packet, passes } from '#test/builders/packets.ts';
import { TEAM_ID } from '#test/builders/seat-specs.ts';

const policiesOf = (network?: string) => {
  const policy = readPolicy(network === undefined ? {} : { network });
  expect(policy.problems).toEqual([]);
  return renderNamespace(TEAM_ID, { deploymentId: 'd', network: policy.network, ceilings: policy.ceilings.team })
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ spec }) => spec as unknown as NetworkPolicySpec);
};
const policies = policiesOf();

const named = (name: string) => ({ 'kubernetes.io/metadata.name': name });
const dns: End = { namespace: named('kube-system'), pod: { 'k8s-app': 'kube-dns' }, ip: '10.0.0.10' };
const agent: End = {
  namespace: named('roadstead-system'),
  pod: { 'app.kubernetes.io/name': 'roadstead-agent' },
  ip: '10.0.1.2',
};
const colleague: End = {
  namespace: named(teamNamespace(TEAM_ID)),
  pod: { 'roadstead.dev/workspace': 'wsp-other' },
  ip: '10.0.1.3',
};
const stranger: End = { namespace: named('shop'), pod: { app: 'web' }, ip: '10.0.1.4' };
const seat = { namespace: teamNamespace(TEAM_ID), pod: { 'roadstead.dev/workspace': 'wsp-mine' } };
const out = (peer: End | string, port = 443, protocol: Packet['protocol'] = 'TCP', from = policies) =>
  passes(from, { ...seat, direction: 'Egress', peer: typeof peer === 'string' ? { ip: peer } : peer, port, protocol });
const into = (peer: End, port: number) => passes(policies, { ...seat, direction: 'Ingress', peer, port });

describe('out', () => {
  test('DNS answers, over UDP and TCP, and that pod offers nothing else', () => {
    expect(out(dns, 53, 'UDP')).toBe(true);
    expect(out(dns, 53, 'TCP')).toBe(true);
    expect(out(dns, 443)).toBe(false);
    expect(out({ ...dns, namespace: named('shop') }, 53, 'UDP')).toBe(false);
    expect(out({ ...dns, pod: { app: 'other' } }, 53, 'UDP')).toBe(false);
  });

  test('the node’s DNS cache answers, on its port alone', () => {
    expect(out('169.254.20.10', 53, 'UDP')).toBe(true);
    expect(out('169.254.20.10', 80)).toBe(false);
  });

  test.each(['140.82.121.4', '1.1.1.1', '2606:50c0:8000::154', '2a00:1450:4001:830::200e'])(
    'the public internet is reached: %s',
    (ip) => {
      expect(out(ip)).toBe(true);
      expect(out(ip, 22)).toBe(true);
    },
  );

  test.each([
    '169.254.169.254', // the cloud's metadata, and with it the node's role
    '169.254.170.2',
    '169.254.170.23',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.1.1',
    '100.64.0.1',
    '127.0.0.1',
    '0.0.0.0',
    '192.0.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    'fd00:ec2::254', // the same over IPv6
    'fd00:ec2::23',
    'fd12:3456::1', // unique local
    'fe80::1', // link-local
    '::1',
    '::',
    '::ffff:10.0.0.1', // mapped
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe', // NAT64 of the metadata address
    '2002:a9fe:a9fe::1', // 6to4
    '2001:0:a9fe:a9fe::1', // Teredo
    'ff02::1',
  ])('what is not public is not reached: %s', (ip) => {
    expect(out(ip)).toBe(false);
    expect(out(ip, 80)).toBe(false);
  });

  test('neither a colleague’s pod nor one of another namespace is reached', () => {
    expect(out(colleague, 2222)).toBe(false);
    expect(out(stranger, 80)).toBe(false);
    expect(out(agent, 8081)).toBe(false);
  });
});

describe('in', () => {
  test('the agent reaches ssh and http, and no other port', () => {
    expect(into(agent, 2222)).toBe(true);
    expect(into(agent, 8080)).toBe(true);
    expect(into(agent, 22)).toBe(false);
  });

  test('a colleague, a pod of another namespace and the internet reach nothing', () => {
    for (const peer of [colleague, stranger, { ip: '140.82.121.4' }, { ip: '10.0.0.1' }])
      for (const port of [2222, 8080]) expect(into(peer, port)).toBe(false);
    expect(into({ ...agent, namespace: named('shop') }, 2222)).toBe(false);
    expect(into({ ...agent, pod: { app: 'other' } }, 2222)).toBe(false);
  });
});

test('what the cluster’s admin excludes is not reached, and their resolvers are', () => {
  const own = policiesOf('resolvers: [169.254.169.254]\nexcluded: [52.10.0.0/16, "2600:1f13::/36", "fd00::/8"]\n');
  expect(out('52.10.3.4', 443, 'TCP', own)).toBe(false);
  expect(out('2600:1f13::1', 443, 'TCP', own)).toBe(false);
  expect(out('52.11.3.4', 443, 'TCP', own)).toBe(true);
  expect(out('169.254.169.254', 53, 'UDP', own)).toBe(true);
  expect(out('169.254.169.254', 80, 'TCP', own)).toBe(false);
});

test('each exception lies strictly inside its range, else the API server refuses the policy', () => {
  const blocks = policiesOf('excluded: ["fd00::/8", "2600:1f13::/36", 10.96.0.0/12]').flatMap(({ egress = [] }) =>
    egress.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? [])),
  );
  for (const { cidr, except = [] } of blocks)
    for (const range of except) {
      expect(Number(range.split('/')[1])).toBeGreaterThan(Number(cidr.split('/')[1]));
      expect(range.includes(':')).toBe(cidr.includes(':'));
      if (cidr === '2000::/3') expect(range).toMatch(/^[23]/);
    }
});

test('a pod that no policy selects is open: the evaluator can fail', () => {
  expect(out('169.254.169.254', 80, 'TCP', [])).toBe(true);
});
