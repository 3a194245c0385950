/** Server-side apply. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest } from '../errors.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { keyOf } from '../storage/store.ts';
import { parseYaml, decodeAs } from '../verbs/body.ts';
import type { WriteOptions } from '../verbs/options.ts';
import { changeStatus } from '../verbs/patch.ts';
import { change, draft, insert, managerOf, namespaceOf } from '../verbs/write.ts';

export function applyPatch(call: KindCall, options: WriteOptions, subresource: string): Answer {
  const { kind, info, context } = call;
  const body = parseYaml(call.body.toString('utf8'));
  if (!body?.kind) throw badRequest('invalid object type');
  const stored = context.store.get(kind.storage, keyOf(namespaceOf(kind, info.namespace), info.name!));
  if (!stored) {
    body.metadata = { ...body.metadata, name: info.name };
    return { code: 201, object: insert(call, decodeAs(call, kind, body, options), options, managerOf(call, options)), kind };
  }
  const old = draft(kind, stored);
  const next = decodeAs(call, kind, mergePatch(old, body), options);
  if (subresource === 'status') return { code: 200, object: changeStatus(call, old, next, options, stored), kind };
  return { code: 200, object: change(call, stored, { next, options, manager: managerOf(call, options) }), kind };
}
