/** Services that a real API server refuses, with its words, and what they keep when they change. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let services: string;
beforeAll(async () => {
  server = await testServer();
  services = `${await server.namespace('rules')}/services`;
  await make('taken', { type: 'NodePort', clusterIP: '10.96.7.7', ports: [{ port: 80, nodePort: 31_000 }] });
});
afterAll(() => server.stop());

type Part = Record<string, unknown>;
const make = (name: string, spec: Part) =>
  server.post(services, { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } });
const said = (body: { details?: { causes?: { field: string; message: string }[] } }): string[] =>
  (body.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

const PORT = 'spec.ports[0].nodePort';
const OUT = 'provided port is not in the valid range. The range of valid ports is 30000-32767';

describe('a service', () => {
  it.each<[string, Part, string]>([
    [
      'the address of another',
      { clusterIP: '10.96.7.7' },
      'spec.clusterIPs: Invalid value: ["10.96.7.7"]: failed to allocate IP 10.96.7.7: provided IP is already allocated',
    ],
    [
      'an address from elsewhere',
      { clusterIP: '10.0.0.1' },
      'spec.clusterIPs: Invalid value: ["10.0.0.1"]: failed to allocate IP 10.0.0.1: the provided network does not match the current range',
    ],
    [
      'what is no address',
      { clusterIP: '10.96.999.1' },
      'spec.clusterIPs[0]: Invalid value: "10.96.999.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'addresses without the first of them',
      { clusterIPs: ['10.96.7.9'] },
      'spec.clusterIPs: Invalid value: ["10.96.7.9"]: must be empty when `clusterIP` is not specified',
    ],
    [
      'a low node port',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
      `${PORT}: Invalid value: 80: ${OUT}`,
    ],
    [
      'a high node port',
      { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 32_768 }] },
      `${PORT}: Invalid value: 32768: ${OUT}`,
    ],
    [
      'the node port of another',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] },
      `${PORT}: Invalid value: 31000: provided port is already allocated`,
    ],
    [
      'a node port inside of the cluster',
      { ports: [{ port: 80, nodePort: 31_001 }] },
      `${PORT}: Forbidden: may not be used when \`type\` is 'ClusterIP'`,
    ],
    [
      'another affinity',
      { sessionAffinity: 'Cookie' },
      'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
    ],
    [
      'an affinity of no time',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400',
    ],
    [
      'no address, but ports of nodes',
      { type: 'NodePort', clusterIP: 'None' },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      'two families',
      { ipFamilyPolicy: 'RequireDualStack' },
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
    [
      'the other family',
      { ipFamilies: ['IPv6'] },
      'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    ],
    [
      'a policy for traffic that never comes',
      { externalTrafficPolicy: 'Local' },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      'another policy for traffic',
      { type: 'NodePort', externalTrafficPolicy: 'Far' },
      'spec.externalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"',
    ],
    [
      'an address of the outside that is the machine itself',
      { externalIPs: ['127.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      'source ranges that are none',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0'] },
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      'source ranges without a balancer',
      { loadBalancerSourceRanges: ['10.0.0.0/8'] },
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'an address of its own and a name elsewhere',
      { type: 'ExternalName', externalName: 'example.com', clusterIP: '10.96.7.8' },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
  ])('is refused with %s', async (_what, spec, text) => {
    const { status, body } = await make('a', spec);
    expect({ status, said: said(body) }).toEqual({ status: 422, said: [text] });
  });

  it('is refused with a name elsewhere that is none', async () => {
    const { status, body } = await make('a', { type: 'ExternalName', externalName: 'a_b' });
    expect(status).toBe(422);
    expect(said(body)).toEqual([
      expect.stringMatching(/^spec\.externalName: Invalid value: "a_b": a lowercase RFC 1123/),
    ]);
  });

  it('keeps its own address and port when it changes, and gives the port back with its type', async () => {
    const { body } = await server.get(`${services}/taken`);
    const changed = await server.put(`${services}/taken`, {
      ...body,
      metadata: { ...body.metadata, labels: { a: 'b' } },
    });
    expect(changed.status, changed.text).toBe(200);
    const moved = await server.merge(`${services}/taken`, { spec: { ports: [{ port: 81, nodePort: 31_000 }] } });
    expect(moved.body.spec).toMatchObject({ clusterIP: '10.96.7.7', ports: [{ port: 81, nodePort: 31_000 }] });
    const inside = await server.merge(`${services}/taken`, { spec: { type: 'ClusterIP' } });
    expect(inside.status, inside.text).toBe(200);
    expect(inside.body.spec.ports[0]).not.toHaveProperty('nodePort');
    expect(inside.body.spec).not.toHaveProperty('externalTrafficPolicy');
    const other = await make('other', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] });
    expect(other.status, other.text).toBe(201);
    const again = await server.merge(`${services}/taken`, {
      spec: { type: 'NodePort', ports: [{ port: 81, nodePort: 31_000 }] },
    });
    expect(said(again.body)).toEqual([`${PORT}: Invalid value: 31000: provided port is already allocated`]);
    const elsewhere = await server.merge(`${services}/taken`, { spec: { type: 'ExternalName', externalName: 'a.b.' } });
    expect(elsewhere.status, elsewhere.text).toBe(200);
    expect(elsewhere.body.spec).not.toHaveProperty('clusterIP');
  });

  it('without an address and without a selector may have both families', async () => {
    const { status, body } = await make('open', { clusterIP: 'None' });
    expect(status).toBe(201);
    expect(body.spec).toMatchObject({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] });
  });
});
