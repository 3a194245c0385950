/** `/scale`: the number of replicas of any kind that has one, as autoscaling/v1. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, invalid, invalidField } from '../errors.ts';
import { applyReplicas } from '../fields/apply.ts';
import { at, clone, type Json, type Obj } from '../json.ts';
import { AGE, column, int, number } from '../kinds/columns.ts';
import { define } from '../kinds/define.ts';
import { objectOf, parseYaml } from '../verbs/body.ts';
import { type WriteOptions, writeOptions } from '../verbs/options.ts';
import { APPLY, patched, patchType } from '../verbs/patch.ts';
import { draft, existing, managerOf } from '../verbs/stored.ts';
import { change } from '../verbs/update.ts';

export const SCALE = define('autoscaling', 'v1', 'io.k8s.api.autoscaling.v1', 'Scale', 'scales', {
  columns: [
    column('Name', ({ metadata }) => metadata.name),
    number('Desired', int('spec.replicas')),
    number('Available', int('status.replicas')),
    AGE,
  ],
});

const setAt = (object: Obj, path: string, value: Json): void => {
  const parts = path.replace(/^\./, '').split('.');
  const last = parts.pop()!;
  let node: Json = object;
  for (const part of parts) node = node[part] ??= {};
  node[last] = value;
};

function scaleOf({ kind }: KindCall, object: Obj): Obj {
  const scale = kind.scale!;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const wanted = at(object, scale.spec) ?? 0;
  const there = at(object, scale.status) ?? 0;
  const selector = scale.selector(object);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { ...(wanted && { replicas: wanted }) },
    status: { replicas: there, ...(selector && { selector }) },
  };
}

const answer = (call: KindCall, object: Obj): Answer => ({ code: 200, object: scaleOf(call, object), kind: SCALE });

export const getScale = (call: KindCall): Answer => answer(call, draft(call.kind, existing(call)));

function write(call: KindCall, given: Json, options: WriteOptions): Answer {
  const stored = existing(call);
  const next = draft(call.kind, stored);
  const replicas = given.spec?.replicas ?? 0;
  if (given.metadata?.name && given.metadata.name !== call.info.name)
    throw badRequest(
      `the name of the object (${given.metadata.name}) does not match the name on the URL (${call.info.name})`,
    );
  if (replicas < 0)
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, call.info.name!, [
      invalidField('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  next.metadata.resourceVersion = given.metadata?.resourceVersion ?? '';
  setAt(next, call.kind.scale!.spec, replicas);
  return answer(
    call,
    change(call, stored, { next, options, manager: managerOf(call, options, 'scale'), subresource: 'scale' }),
  );
}

export function putScale(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'UpdateOptions', call.headers['user-agent']);
  return write(call, objectOf(call, options, SCALE), options);
}

export function patchScale(call: KindCall): Answer {
  const applying = patchType(call) === APPLY;
  const options = writeOptions(call.info.query, 'PatchOptions', call.headers['user-agent'], applying);
  if (applying) {
    const config = parseYaml(call.body.toString('utf8'));
    if (config?.kind !== 'Scale')
      throw badRequest(`invalid object type: ${config?.apiVersion ?? ''}, Kind=${config?.kind ?? ''}`);
    return answer(call, applyReplicas(call, options, existing(call), config.spec?.replicas ?? 0));
  }
  const scale = scaleOf(call, draft(call.kind, existing(call)));
  const next = patched({ ...call, kind: SCALE }, clone(scale));
  // Unless the patch names a version itself, it carries none.
  if (next.metadata?.resourceVersion === scale.metadata.resourceVersion) next.metadata.resourceVersion = '';
  return write(call, next, options);
}
