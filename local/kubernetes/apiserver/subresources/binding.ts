/** `pods/binding`: a scheduler puts a pod on a node. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, conflict, internal } from '../errors.ts';
import { clone, type Json, timestamp } from '../json.ts';
import { decode } from '../schema/decode.ts';
import { typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { parseBody } from '../verbs/body.ts';
import { writeOptions } from '../verbs/options.ts';
import { existing, tidy } from '../verbs/stored.ts';

export function binding(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const body = decode(typeOf('io.k8s.api.core.v1.Binding') as StructType, parseBody(call).value).value as Json;
  const name = call.info.subresource === 'binding' ? call.info.name! : body.metadata?.name;
  const { target } = body;
  if (target?.kind && target.kind !== 'Node')
    throw internal(
      `target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`,
    );
  if (!target?.name) throw internal('target.name: Required value');
  if (body.metadata?.name && body.metadata.name !== name)
    throw badRequest('name in URL does not match name in Binding object');
  const stored = existing({ ...call, info: { ...call.info, name } });
  const about = { group: '', resource: 'pods/binding' };
  if (body.metadata?.uid && body.metadata.uid !== stored.object.metadata.uid)
    throw conflict(
      about,
      name,
      `Precondition failed: UID in precondition: ${body.metadata.uid}, UID in object meta: ${stored.object.metadata.uid}`,
    );
  if (stored.object.metadata.deletionTimestamp)
    throw conflict(about, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const assigned = stored.object.spec?.nodeName;
  if (assigned) throw conflict(about, name, `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`);
  if (!options.dryRun) {
    const next = clone(stored.object);
    next.spec.nodeName = target.name;
    if (body.metadata?.annotations)
      next.metadata.annotations = { ...next.metadata.annotations, ...body.metadata.annotations };
    const conditions: Json[] = (next.status.conditions ?? []).filter(({ type }: Json) => type !== 'PodScheduled');
    next.status.conditions = [
      ...conditions,
      { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timestamp() },
    ];
    call.context.store.put('pods', tidy(next));
  }
  return { code: 201, json: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}
