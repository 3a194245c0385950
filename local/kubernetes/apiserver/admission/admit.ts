/** What a cluster's own rules add to a request or refuse, in two steps as on a real server: first what fills in, then, once the object is valid, what refuses. */
import { checkEscalation } from '../auth/escalation.ts';
import type { KindCall } from '../call.ts';
import { forbidden, notFound, StatusError } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { type Kind, subjectOf } from '../kinds/kind.ts';
import { keyOf } from '../storage/store.ts';
import type { WriteOptions } from '../verbs/options.ts';
import type { Attributes, Form } from './attributes.ts';
import { checkGrowth } from './claims.ts';
import { enforceLimits, fillLimits } from './limit-ranges/admit.ts';
import { enforcePodSecurity } from './pod-security/enforce.ts';
import { enforcePolicies } from './policies/enforce.ts';
import { asScale } from './policies/scale.ts';
import { checkPriorityClass, priority } from './priority.ts';
import { enforceQuota } from './quota/enforce.ts';
import { admitPod } from './service-account.ts';

/** A namespace must be there and not be ending. */
function namespaceAlive(call: KindCall, object: Obj, named: string): void {
  const { kind, context } = call;
  if (!kind.namespaced) return;
  const namespace = object.metadata.namespace!;
  const found = context.store.get('namespaces', keyOf(undefined, namespace))?.object;
  if (found === undefined) throw notFound({ group: '', resource: 'namespaces' }, namespace);
  if (found.metadata.deletionTimestamp === undefined && found.status?.phase !== 'Terminating') return;
  throw forbidden(
    subjectOf(kind),
    named,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

const escalation = (call: KindCall, next: Obj, old: Obj | undefined): void =>
  checkEscalation({
    user: call.user,
    authorizer: call.context.authorizer,
    resource: call.kind.resource,
    group: call.kind.group,
    next,
    old,
  });

/**
 * Before the object is checked: what may not come at all, and what is filled in. `named`: what refusals call the object; a name that is generated
 * is not known yet, so that they say its prefix (`web-`), the same at each try.
 */
export function admitCreate(call: KindCall, object: Obj, named: string): void {
  namespaceAlive(call, object, named);
  if (call.kind.terminating) {
    throw new StatusError(
      403,
      'Forbidden',
      `${call.kind.resource}.${call.kind.group} "${named}" is forbidden: create not allowed while custom resource definition is terminating`,
      { name: named, group: call.kind.group, kind: call.kind.resource },
    );
  }
  if (call.kind.storage === 'pods') {
    fillLimits(call, object);
    admitPod(call, object, named);
    priority(call, object, named);
  }
  escalation(call, object, undefined);
}

export function admitUpdate(call: KindCall, next: Obj, old: Obj, _options: WriteOptions, subresource: string): void {
  if (subresource === '') escalation(call, next, old);
}

/** After the object was found valid, before it is written: what refuses. Nothing is changed here. */
export function admitValid(attributes: Attributes): void {
  checkPriorityClass(attributes);
  checkGrowth(attributes);
  enforceLimits(attributes);
  enforcePodSecurity(attributes);
  enforcePolicies(asScale(attributes));
  // Last: what others refuse uses nothing.
  enforceQuota(attributes);
}

/** What a subresource is asked to do: a token, an eviction, a shell. Nothing is stored, so only policies are asked. */
export function admitSubresource(
  call: KindCall,
  operation: 'CREATE' | 'CONNECT',
  form: Form,
  object: Json,
  dryRun = false,
): void {
  enforcePolicies({
    call,
    kind: call.kind,
    operation,
    object,
    old: undefined,
    subresource: call.info.subresource ?? '',
    dryRun,
    form,
  });
}

const KEPT = new Set(['default', 'kube-system', 'kube-public']);

export function admitDelete(call: KindCall, kind: Kind, old: Obj, dryRun: boolean): void {
  if (kind.storage === 'namespaces' && KEPT.has(old.metadata.name)) {
    throw forbidden(subjectOf(kind), old.metadata.name, 'this namespace may not be deleted');
  }
  admitValid({ call, kind, operation: 'DELETE', object: undefined, old, subresource: '', dryRun });
}
