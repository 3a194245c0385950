/** A write to `/scale` as policies see it: a Scale, whatever kind is scaled. */
import { at, type Obj } from '../../json.ts';
import type { Attributes } from '../attributes.ts';

const FORM = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

export function asScale(attributes: Attributes): Attributes {
  const { kind, subresource, object, old } = attributes;
  const paths = kind.scale;
  if (subresource !== 'scale' || !paths) return attributes;
  const view = (whole: Obj | undefined): Obj | undefined => {
    if (whole === undefined) return undefined;
    const { name, namespace, uid, resourceVersion, creationTimestamp } = whole.metadata;
    return {
      kind: FORM.kind,
      apiVersion: 'autoscaling/v1',
      metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp },
      spec: { replicas: at(whole, paths.spec) ?? 0 },
      status: { replicas: at(whole, paths.status) ?? 0 },
    };
  };
  return { ...attributes, form: FORM, object: view(object), old: view(old) };
}
