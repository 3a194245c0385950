/** `namespaces/finalize`: only the finalizers of the spec are written; the last one lets a dying namespace go. */
import type { Answer, KindCall } from '../call.ts';
import { objectOf } from '../verbs/body.ts';
import { writeOptions } from '../verbs/options.ts';
import { draft, existing, managerOf } from '../verbs/stored.ts';
import { change } from '../verbs/update.ts';

export function finalize(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'UpdateOptions', call.headers['user-agent']);
  const given = objectOf(call, options);
  const stored = existing(call);
  const next = draft(call.kind, stored);
  next.metadata.resourceVersion = given.metadata?.resourceVersion ?? '';
  const finalizers: string[] = given.spec?.finalizers ?? [];
  next.spec = finalizers.length ? { finalizers } : {};
  return {
    code: 200,
    object: change(call, stored, {
      next,
      options,
      manager: managerOf(call, options, 'finalize'),
      subresource: 'finalize',
    }),
    kind: call.kind,
  };
}
