/** Which requests validating admission policies are asked about. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  binding,
  bindings,
  created,
  type Fenced,
  fencedServer,
  namespaces,
  policies,
  refusal,
} from './support/policies.ts';
import type { TestServer } from './support/server.ts';

let server: TestServer;
let install: Fenced['install'];
let make: Fenced['make'];
beforeAll(async () => {
  ({ server, install, make } = await fencedServer());
});
afterAll(() => server.stop());

describe('a policy', () => {
  const maps = `${namespaces}/other/configmaps`;

  it('leaves out what it excludes, and what its selectors do not choose', async () => {
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] };
    await install(
      'excluding',
      {
        matchConstraints: {
          resourceRules: [rule],
          excludeResourceRules: [{ ...rule, resourceNames: ['excluding-named'] }],
          objectSelector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] },
        },
        validations: [{ expression: 'false' }],
      },
      { matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } } },
    );
    expect((await make('excluding-a')).status).toBe(422);
    created(await make('excluding-named'));
    created(await server.post(maps, { metadata: { name: 'excluding-labelled', labels: { free: 'yes' } } }));
    created(await server.post(`${namespaces}/roadstead-system/configmaps`, { metadata: { name: 'excluding-a' } }));
  });

  it('is asked about shells, tokens and evictions', async () => {
    const rule = (operation: string, resource: string) => ({
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: [operation],
      resources: [resource],
    });
    const resourceRules = [
      rule('CONNECT', 'pods/exec'),
      rule('CREATE', 'serviceaccounts/token'),
      rule('CREATE', 'pods/eviction'),
    ];
    const spec = {
      matchConstraints: { resourceRules },
      matchConditions: [{ name: 'other', expression: "request.?namespace.orValue('') == 'other'" }],
      validations: [
        { expression: "request.kind.kind != 'PodExecOptions' || !('sh' in object.command)", message: 'no shell' },
        { expression: "request.subResource != 'token' || object.spec.expirationSeconds <= 600", message: 'too long' },
        { expression: "object.kind != 'Eviction'", message: 'it stays' },
      ],
    };
    created(await server.post(policies, { metadata: { name: 'streams' }, spec }));
    created(await server.post(bindings, binding('streams')));
    const pods = `${namespaces}/other/pods`;
    created(await server.post(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    expect(refusal(await server.get(`${pods}/p/exec?command=sh`))).toContain('denied request: no shell');
    expect((await server.get(`${pods}/p/exec?command=ls`)).body.message).toContain('does not have a host assigned');
    const token = (expirationSeconds: number) =>
      server.post(`${namespaces}/other/serviceaccounts/default/token`, { spec: { expirationSeconds } });
    expect(refusal(await token(700))).toContain('too long');
    created(await token(600));
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
    expect(refusal(await server.post(`${pods}/p/eviction`, eviction))).toContain('it stays');
    expect((await server.del(`${pods}/p`)).status).toBe(200);
  });

  it('sees a Scale where something is scaled', async () => {
    const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments/scale'] };
    const spec = {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: 'object.spec.replicas <= 3' }],
    };
    created(await server.post(policies, { metadata: { name: 'scaled' }, spec }));
    created(await server.post(bindings, binding('scaled')));
    const deployments = '/apis/apps/v1/namespaces/other/deployments';
    const labels = { app: 'd' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    created(
      await server.post(deployments, {
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: labels }, template },
      }),
    );
    const scale = (replicas: number) => server.merge(`${deployments}/d/scale`, { spec: { replicas } });
    expect(refusal(await scale(4))).toContain('deployments.apps "d" is forbidden');
    expect((await scale(3)).status).toBe(200);
  });

  it('sees every version of an object', async () => {
    created(
      await server.post(policies, {
        metadata: { name: 'events' },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: ['events.k8s.io'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['events'] },
            ],
          },
          validations: [
            {
              expression: "object.apiVersion == 'v1'",
              messageExpression: "request.resource.group + ' for ' + request.requestResource.resource",
            },
          ],
        },
      }),
    );
    created(await server.post(bindings, binding('events')));
    const event = { metadata: { name: 'e' }, involvedObject: { namespace: 'other' }, reason: 'x' };
    expect(refusal(await server.post(`${namespaces}/other/events`, event))).toContain('events.k8s.io for events');
  });
});
