/** From a request to the verb that answers it: who asks, may they, and what is there to do it. */
import { requestUser } from '../auth/impersonate.ts';
import { refusal } from '../auth/refusal.ts';
import type { Answer, Call, KindCall } from '../call.ts';
import { discovery } from '../discovery/routes.ts';
import { methodNotAllowed, type StatusError, unknownResource } from '../errors.ts';
import type { Kind } from '../kinds/kind.ts';
import { METRICS_GROUP } from '../metrics/kinds.ts';
import { metrics } from '../metrics/metrics.ts';
import { review } from '../reviews/reviews.ts';
import { SUBRESOURCES } from '../subresources/table.ts';
import { create } from '../verbs/create.ts';
import { deleteCollection, deleteOne } from '../verbs/delete.ts';
import { patch } from '../verbs/patch.ts';
import { get, list } from '../verbs/read.ts';
import { update } from '../verbs/update.ts';
import { watch } from '../verbs/watch.ts';

export const NOT_FOUND_TEXT = '404 page not found\n';

/** Sets the user of the call, checks their right, and answers. Throws `StatusError`. */
export async function route(call: Call): Promise<Answer> {
  const { info, context } = call;
  call.user = await requestUser(call);
  const denied: StatusError | undefined = refusal(context.authorizer, call.user, info);
  if (denied) throw denied;
  if (!info.resourceRequest) return discovery(call) ?? { code: 404, text: NOT_FOUND_TEXT };
  const { registry } = context;
  const versions = registry.versionsOf(info.group);
  if (versions === undefined) return { code: 404, text: NOT_FOUND_TEXT };
  const kind = registry.find(info.group, info.version, info.resource);
  if (kind === undefined) {
    if (!versions.includes(info.version) && registry.isCustom(info.group)) return { code: 404, text: NOT_FOUND_TEXT };
    const review = info.resource === 'bindings' && info.group === '' && info.version === 'v1';
    if (review && info.verb === 'create')
      return SUBRESOURCES['pods/binding']!.POST!({ ...call, kind: registry.find('', 'v1', 'pods')! });
    throw unknownResource();
  }
  if (kind.deprecation) call.warnings.push(kind.deprecation);
  const one: KindCall = { ...call, kind };
  if (kind.group === METRICS_GROUP) return metrics(one);
  return info.subresource === undefined ? main(one) : subresource(one);
}

function main(call: KindCall): Answer | Promise<Answer> {
  const { info, kind } = call;
  const single = info.path.split('/').filter(Boolean).length > collectionLength(call);
  if (info.method === 'HEAD') throw methodNotAllowed();
  // A namespaced kind without a namespace can only be listed.
  if (kind.namespaced && info.namespace === undefined && !['list', 'watch'].includes(info.verb) && !kind.virtual) {
    throw info.verb === 'create' || info.verb === 'deletecollection' ? methodNotAllowed() : unknownResource();
  }
  if (kind.virtual) {
    if (info.verb !== 'create' || single) throw methodNotAllowed();
    return review(call);
  }
  if (info.verb === 'watch') return watch(call);
  if (!kind.verbs.includes(info.verb)) throw methodNotAllowed();
  switch (info.verb) {
    case 'get':
      return get(call);
    case 'list':
      return list(call);
    case 'create':
      if (single) throw methodNotAllowed();
      return create(call);
    case 'update':
      if (!single) throw methodNotAllowed();
      return update(call);
    case 'patch':
      if (!single) throw methodNotAllowed();
      return patch(call);
    case 'delete':
      return deleteOne(call);
    case 'deletecollection':
      return deleteCollection(call);
    default:
      throw methodNotAllowed();
  }
}

function collectionLength({ info, kind }: KindCall): number {
  const prefix = kind.group ? 3 : 2;
  const scope = kind.namespaced && info.namespace !== undefined ? 2 : 0;
  const old = /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/watch\//.test(info.path) ? 1 : 0;
  return prefix + scope + 1 + old;
}

function subresource(call: KindCall): Answer | Promise<Answer> {
  const { info, kind } = call;
  const handlers = SUBRESOURCES[`${kind.resource}/${info.subresource}`] ?? generic(kind, info.subresource!);
  if (handlers === undefined || (info.rest.length > 0 && info.subresource !== 'proxy')) throw unknownResource();
  const handler = handlers[info.method];
  if (handler === undefined) throw methodNotAllowed();
  return handler(call);
}

function generic(kind: Kind, name: string): (typeof SUBRESOURCES)[string] | undefined {
  if (name === 'status' && kind.status) return SUBRESOURCES['*/status'];
  if (name === 'scale' && kind.scale) return SUBRESOURCES['*/scale'];
  return undefined;
}
