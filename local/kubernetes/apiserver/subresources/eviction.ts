/** `pods/eviction`: a deletion that a disruption budget may refuse. */
import { admitSubresource } from '../admission/admit.ts';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, StatusError } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { selects } from '../kinds/label-selector.ts';
import { decode } from '../schema/decode.ts';
import { typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { parseBody } from '../verbs/body.ts';
import { remove } from '../verbs/delete.ts';
import { deleteOptions, writeOptions } from '../verbs/options.ts';
import { existing } from '../verbs/stored.ts';

const BUDGETS = 'policy/poddisruptionbudgets';

export function eviction(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const body = decode(typeOf('io.k8s.api.policy.v1.Eviction') as StructType, parseBody(call).value).value as Json;
  if (body.metadata?.name && body.metadata.name !== call.info.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const stored = existing(call);
  const pod: Obj = stored.object;
  const deletion = deleteOptions(new URLSearchParams(), body.deleteOptions ?? {});
  const dryRun = options.dryRun || deletion.dryRun;
  admitSubresource(call, 'CREATE', { group: 'policy', version: 'v1', kind: 'Eviction' }, body, dryRun);
  if (pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp) {
    const { store } = call.context;
    const budgets = store
      .list(BUDGETS)
      .filter(
        ({ object }) =>
          object.metadata.namespace === pod.metadata.namespace && selects(object.spec?.selector, pod.metadata.labels),
      );
    if (budgets.length > 1)
      throw new StatusError(
        500,
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
        {},
      );
    const [budget] = budgets;
    if (budget) {
      const status = budget.object.status ?? {};
      if ((status.disruptionsAllowed ?? 0) <= 0) {
        const { name } = budget.object.metadata;
        throw new StatusError(
          429,
          'TooManyRequests',
          "Cannot evict pod as it would violate the pod's disruption budget.",
          {
            causes: [
              {
                reason: 'DisruptionBudget',
                message: `The disruption budget ${name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
              },
            ],
          },
        );
      }
      if (!dryRun) {
        store.put(BUDGETS, {
          ...budget.object,
          metadata: { ...budget.object.metadata },
          status: {
            ...status,
            disruptionsAllowed: status.disruptionsAllowed - 1,
            disruptedPods: {
              ...status.disruptedPods,
              [pod.metadata.name]: new Date().toISOString().replace(/\.\d+/, ''),
            },
          },
        });
      }
    }
  }
  remove(call, call.kind, stored, { ...deletion, dryRun });
  return { code: 201, json: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}
