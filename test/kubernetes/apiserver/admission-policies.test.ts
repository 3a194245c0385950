/** What validating admission policies can say: messages, warnings, parameters, variables, and which manifests of them are refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderFence } from '#core/domain/seat/fence.ts';
import {
  binding,
  bindings,
  created,
  type Fenced,
  fencedServer,
  namespaces,
  policies,
  policy,
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

  it('gets its defaults', async () => {
    const { body } = await server.get(`${policies}/roadstead-seat-pods`);
    expect(body.spec.matchConstraints).toMatchObject({ matchPolicy: 'Equivalent', objectSelector: {} });
    expect(body.spec.matchConstraints.resourceRules[0].scope).toBe('*');
    expect(body.status).toEqual({ observedGeneration: 1, typeChecking: {} });
  });

  it('computes its message, and answers with its reason', async () => {
    await install('computed', {
      variables: [
        { name: 'size', expression: 'size(object.?data.orValue({}))' },
        { name: 'text', expression: "'%d keys'.format([variables.size])" },
      ],
      validations: [{ expression: 'variables.size < 2', messageExpression: 'variables.text', reason: 'Forbidden' }],
    });
    created(await make('computed-small', { a: '1' }));
    const { status, body } = await make('computed-large', { a: '1', b: '2' });
    expect(status).toBe(403);
    expect(body.message).toBe(
      "configmaps \"computed-large\" is forbidden: ValidatingAdmissionPolicy 'computed' with binding 'computed' denied request: 2 keys",
    );
  });

  it('is only a warning where its binding says so', async () => {
    await install(
      'warned',
      { validations: [{ expression: 'has(object.data)' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const { status, headers } = await make('warned-a', {});
    expect(status).toBe(201);
    expect(headers.warning).toContain(
      "Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned': failed expression: has(object.data)",
    );
  });

  it('that fails is a denial, unless it says Ignore', async () => {
    const validations = [{ expression: "object.data.missing == 'x'" }];
    await install('strict', { validations });
    expect((await make('strict-a', { a: '1' })).body.message).toContain(
      "denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing",
    );
    await install('lenient', { validations, failurePolicy: 'Ignore' });
    created(await make('lenient-a', { a: '1' }));
  });

  it('finds no namespace in a request at the scope of the cluster', async () => {
    created(
      await server.post(policies, {
        metadata: { name: 'scoped' },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['persistentvolumes'] },
            ],
          },
          validations: [{ expression: "request.namespace == ''" }],
        },
      }),
    );
    created(await server.post(bindings, binding('scoped')));
    const volume = {
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/v' } },
    };
    expect(refusal(await server.post('/api/v1/persistentvolumes', volume))).toContain('no such key: namespace');
  });

  it('takes parameters from other objects', async () => {
    const limit = (value: string) => ({ metadata: { name: 'limit' }, data: { most: value } });
    created(await server.post(maps, limit('1')));
    await install(
      'measured',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'size(object.data) <= int(params.data.most)' }],
      },
      { paramRef: { name: 'limit', namespace: 'other', parameterNotFoundAction: 'Deny' } },
    );
    expect((await make('measured-a', { a: '1', b: '2' })).status).toBe(422);
    await server.put(`${maps}/limit`, limit('2'));
    created(await make('measured-a', { a: '1', b: '2' }));
    await server.del(`${maps}/limit`);
    expect((await make('measured-b', { a: '1' })).body.message).toContain('no params found for policy binding');
    await server.del(`${policies}/measured`);
  });

  it('asks what else its user may do', async () => {
    await install('asking', {
      validations: [
        { expression: "authorizer.group('').resource('secrets').namespace('other').check('delete').allowed()" },
      ],
    });
    created(await make('asking-a'));
  });

  it('of the manifest of an agent is taken as it is', async () => {
    for (const { kind, metadata, ...rest } of renderFence({}, true)) {
      const body = { metadata: { ...metadata, name: `real-${metadata?.name}` }, ...rest };
      created(await server.post(`${kind === 'ValidatingAdmissionPolicy' ? policies : bindings}?dryRun=All`, body));
    }
  });

  it.each([
    [
      'an expression that is none',
      { validations: [{ expression: 'object.' }] },
      'spec.validations[0].expression',
      'compilation failed: ERROR: <input>:1:',
    ],
    [
      'an unknown variable',
      { validations: [{ expression: 'variables.x' }] },
      'spec.validations[0].expression',
      "undefined field 'x'",
    ],
    [
      'an unknown field of the request',
      { validations: [{ expression: "request.verb == ''" }] },
      'spec.validations[0].expression',
      "undefined field 'verb'",
    ],
    [
      'an answer that is no boolean',
      { validations: [{ expression: "'x'" }] },
      'spec.validations[0].expression',
      'must evaluate to bool but got string',
    ],
    [
      'a message that is no text',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'spec.validations[0].messageExpression',
      'must evaluate to string but got int',
    ],
    [
      'an unknown reason',
      { validations: [{ expression: 'true', reason: 'Because' }] },
      'spec.validations[0].reason',
      'Unsupported value',
    ],
    [
      'parameters without a kind',
      { validations: [{ expression: 'params.x' }] },
      'spec.validations[0].expression',
      "undeclared reference to 'params'",
    ],
    ['no validations', {}, 'spec.validations', 'Required value'],
    [
      'no rules',
      { matchConstraints: {}, validations: [{ expression: 'true' }] },
      'spec.matchConstraints.resourceRules',
      'Required value',
    ],
  ])('is refused with %s', async (_title, spec, field, message) => {
    const { status, body } = await server.post(policies, policy('bad', spec));
    expect(status).toBe(422);
    expect(body.details.causes[0].field).toBe(field);
    expect(body.details.causes[0].message).toContain(message);
  });

  it('is refused a binding that warns of what it denies', async () => {
    const { status, body } = await server.post(bindings, binding('x', { validationActions: ['Deny', 'Warn'] }));
    expect(status).toBe(422);
    expect(body.message).toContain('must not contain both Deny and Warn');
  });
});
