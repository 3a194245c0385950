/** The fence around our custom resources: an older manifest does not put its schemas in place of newer ones (kubernetes.md finding 18). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { CRD_REVISION, CRD_REVISION_ANNOTATION } from '#core/domain/seat/crds.ts';
import { BREAK_GLASS_ANNOTATION } from '#core/domain/seat/names.ts';
import { type Fenced, manifestOf, placeOf, startFenced } from './support/fenced.ts';

let fenced: Fenced;
beforeAll(async () => {
  fenced = await startFenced();
});
afterAll(() => fenced?.server.stop());

const definitions = manifestOf().filter(({ kind }) => kind === 'CustomResourceDefinition');
const [clusters] = definitions as [KubernetesObject];
/** As the manifest of a release with that revision has it. */
const of = (definition: KubernetesObject, revision: string | undefined, more: object = {}): KubernetesObject => {
  const annotations = { ...(revision === undefined ? {} : { [CRD_REVISION_ANNOTATION]: revision }), ...more };
  return { ...definition, metadata: { ...definition.metadata, annotations } };
};
const install = (object: KubernetesObject) => fenced.server.apply(placeOf(object), 'roadstead', object);

test.each(definitions.map((definition) => [definition.metadata.name, definition] as const))(
  'an older %s is refused, the same and a newer one are taken',
  async (_, definition) => {
    for (const older of [String(CRD_REVISION - 1), '', 'new', undefined]) {
      const { status, body } = await install(of(definition, older));
      expect(body.message, String(older)).toContain('this definition is older than the one that is here');
      expect(status).toBe(422);
    }
    expect((await install(definition)).status).toBe(200);
    // As numbers: "10" is no older than "9".
    for (const newer of [9, 10]) expect((await install(of(definition, String(newer)))).status).toBe(200);
    expect((await install(definition)).status).toBe(422);
  },
);

test('whoever gives a reason goes back to an older one', async () => {
  const path = placeOf(clusters);
  expect((await install(of(clusters, '20'))).status).toBe(200);
  const annotations = { [BREAK_GLASS_ANNOTATION]: 'the newer release is taken back' };
  expect((await fenced.server.merge(path, { metadata: { annotations } })).status).toBe(200);
  expect((await install(clusters)).status).toBe(200);
  expect(
    (await fenced.server.merge(path, { metadata: { annotations: { [BREAK_GLASS_ANNOTATION]: null } } })).status,
  ).toBe(200);
});

test('definitions of others are none of the fence’s business', async () => {
  const name = 'clusters.example.com';
  const spec = clusters.spec as Record<string, unknown>;
  const others = {
    ...of(clusters, '7'),
    metadata: { name, annotations: { [CRD_REVISION_ANNOTATION]: '7' } },
    spec: { ...spec, group: 'example.com' },
  };
  expect((await install(others)).status).toBeLessThan(300);
  const older = { ...others, metadata: { name, annotations: { [CRD_REVISION_ANNOTATION]: '1' } } };
  expect((await install(older)).status).toBe(200);
});
