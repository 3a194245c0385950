/** Endpoints, slices, StatefulSets and definitions that a real API server refuses, with its words. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.namespace('rules');
});
afterAll(() => server.stop());

type Part = Record<string, unknown>;
const said = ({ body }: { body: { details?: { causes?: { field: string; message: string }[] } } }): string[] =>
  (body.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
const make = (path: string, content: Part) =>
  server.post(`${path}?dryRun=All`, { metadata: { name: 'a' }, ...content });

const DNS_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

describe('endpoints', () => {
  const endpoints = '/api/v1/namespaces/rules/endpoints';
  it.each<[string, Part, string[]]>([
    [
      'what is no address',
      { addresses: [{ ip: 'here' }] },
      [
        'subsets[0].addresses[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'subsets[0].addresses[0].ip: Invalid value: "here": must be a valid IP address',
      ],
    ],
    [
      'an address of the link',
      { notReadyAddresses: [{ ip: '169.254.0.1' }] },
      [
        'subsets[0].notReadyAddresses[0].ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      ],
    ],
    ['no address', {}, ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`']],
    [
      'a port beyond all',
      { addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 70_000, protocol: 'ICMP' }] },
      [
        'subsets[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'subsets[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
    [
      'ports without names',
      { addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 1 }, { port: 2, name: 'b' }] },
      ['subsets[0].ports[0].name: Required value'],
    ],
  ])('are refused with %s', async (_what, subset, texts) => {
    const answer = await make(endpoints, { subsets: [subset] });
    expect({ status: answer.status, said: said(answer) }).toEqual({ status: 422, said: texts });
  });

  it('of pods here are taken', async () => {
    const { status } = await make(endpoints, {
      subsets: [{ addresses: [{ ip: '127.1.0.1' }], ports: [{ port: 80 }] }],
    });
    expect(status).toBe(201);
  });
});

describe('slices', () => {
  const slices = '/apis/discovery.k8s.io/v1/namespaces/rules/endpointslices';
  const slice = (addressType: string, addresses: string[], more: Part = {}): Part => ({
    addressType,
    endpoints: [{ addresses }],
    ...more,
  });
  it.each<[string, Part, string[]]>([
    ['no type', { endpoints: [] }, ['addressType: Required value']],
    [
      'another type',
      slice('IPX', ['a']),
      ['addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'],
    ],
    [
      'the address of another type',
      slice('IPv4', ['2001:db8::1']),
      ['endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address'],
    ],
    [
      'half a domain',
      slice('FQDN', ['host']),
      [
        'endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments separated by dots',
      ],
    ],
    ['no address', slice('IPv4', []), ['endpoints[0].addresses: Required value: must contain at least 1 address']],
    [
      'too many addresses',
      slice('IPv4', Array(101).fill('10.0.0.1')),
      ['endpoints[0].addresses: Too many: 101: must have at most 100 items'],
    ],
    [
      'two ports of one name',
      slice('IPv4', ['10.0.0.1'], { ports: [{ port: 1 }, { port: 2, protocol: 'ICMP' }] }),
      [
        'ports[1].name: Duplicate value: ""',
        'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
  ])('are refused with %s', async (_what, content, texts) => {
    const answer = await make(slices, content);
    expect({ status: answer.status, said: said(answer) }).toEqual({ status: 422, said: texts });
  });

  it('keep the type of their addresses', async () => {
    await server.post(slices, { metadata: { name: 'kept' }, ...slice('FQDN', ['a.example.com.']) });
    const answer = await server.merge(`${slices}/kept`, slice('IPv4', ['127.0.0.1']));
    expect(said(answer)).toEqual(['addressType: Invalid value: "IPv4": field is immutable']);
  });
});

describe('a StatefulSet', () => {
  const labels = { app: 'a' };
  const set = (updateStrategy: Part): Part => ({
    spec: {
      updateStrategy,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'i' }] } },
    },
  });
  it.each<[string, Part, string]>([
    [
      'another strategy',
      { type: 'Recreate' },
      'spec.updateStrategy: Invalid value: {"Type":"Recreate","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
    ],
    [
      'a partition of what does not roll',
      { type: 'OnDelete', rollingUpdate: { partition: 1 } },
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
    [
      'a negative partition',
      { rollingUpdate: { partition: -1 } },
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
    ],
  ])('is refused with %s', async (_what, strategy, text) => {
    const answer = await make('/apis/apps/v1/namespaces/rules/statefulsets', set(strategy));
    expect({ status: answer.status, said: said(answer) }).toEqual({ status: 422, said: [text] });
  });
});

describe('a definition', () => {
  const define = (names: Part) => {
    const all: Part = { plural: 'boats', kind: 'Boat', ...names };
    return server.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', {
      metadata: { name: `${all.plural}.fleet.example.com` },
      spec: {
        group: 'fleet.example.com',
        scope: 'Namespaced',
        names: all,
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    });
  };
  it.each<[string, Part, string]>([
    ['capitals in its plural', { plural: 'Boats' }, `spec.names.plural: Invalid value: "Boats": ${DNS_1035}`],
    ['capitals in its singular', { singular: 'Boat' }, `spec.names.singular: Invalid value: "Boat": ${DNS_1035}`],
    ['capitals in a short name', { shortNames: ['B'] }, `spec.names.shortNames[0]: Invalid value: "B": ${DNS_1035}`],
    [
      'a kind that is no name',
      { kind: 'A_Boat' },
      `spec.names.kind: Invalid value: "A_Boat": may have mixed case, but should otherwise match: ${DNS_1035}`,
    ],
    [
      'a list that is called as its items',
      { listKind: 'Boat' },
      'spec.names.listKind: Invalid value: "Boat": kind and listKind may not be the same',
    ],
  ])('is refused with %s', async (_what, names, text) => {
    const answer = await define(names);
    expect(answer.status).toBe(422);
    expect(said(answer)).toContain(text);
  });
});
