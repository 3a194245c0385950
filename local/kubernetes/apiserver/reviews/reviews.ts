/** Questions that are answered and never stored: whose token is this, who am I, may I. */

import { withGroup } from '../auth/authenticate.ts';
import type { Attributes, Rule } from '../auth/rbac.ts';
import { type User, userInfo } from '../auth/user.ts';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, type FieldError, invalid, invalidField } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { timestamp } from '../json.ts';
import { objectOf } from '../verbs/body.ts';
import { writeOptions } from '../verbs/options.ts';

export async function review(call: KindCall): Promise<Answer> {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const object = objectOf(call, options);
  const { kind } = call;
  switch (kind.kind) {
    case 'TokenReview':
      object.status = await tokenStatus(call, object);
      break;
    case 'SelfSubjectReview':
      object.metadata = { ...object.metadata, creationTimestamp: timestamp() };
      object.status = { userInfo: userInfo(call.user) };
      break;
    case 'SelfSubjectAccessReview':
      object.status = accessStatus(call, object, call.user);
      break;
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      object.status = accessStatus(call, object, subjectOf(call, object));
      break;
    case 'SelfSubjectRulesReview': {
      const namespace = object.spec?.namespace;
      if (!namespace) throw badRequest('no namespace on request');
      object.status = rulesStatus(call.context.authorizer.rulesOf(call.user, namespace));
      break;
    }
    default:
      throw new Error(`no review answers ${kind.kind}`);
  }
  return { code: 201, object, kind };
}

async function tokenStatus({ context }: KindCall, review: Obj): Promise<Json> {
  const { token, audiences } = review.spec ?? {};
  if (!token) throw badRequest('token is required for TokenReview in authentication');
  const found = await context.authenticate(token, audiences?.length ? audiences : undefined);
  if (!found) return { user: {}, error: '[invalid bearer token, token lookup failed]' };
  return {
    authenticated: true,
    user: userInfo(withGroup(found.user)),
    audiences: found.audiences,
  };
}

/** Reviews of access are refused without their kind. */
const refusedReview = ({ kind }: KindCall, faults: FieldError[]) =>
  invalid({ group: kind.group, kind: '' }, '', faults);

function subjectOf(call: KindCall, review: Obj): User {
  const { user = '', uid, groups = [], extra } = review.spec ?? {};
  const faults: FieldError[] = [];
  if (!user && groups.length === 0)
    faults.push(invalidField('spec.user', user, 'at least one of user or group must be specified'));
  const { namespace } = call.info;
  const asked = review.spec?.resourceAttributes;
  if (namespace !== undefined && asked && asked.namespace !== namespace)
    faults.push(
      invalidField('spec.resourceAttributes.namespace', asked.namespace ?? '', 'must match metadata.namespace'),
    );
  if (faults.length) throw refusedReview(call, faults);
  return { name: user, groups, ...(uid && { uid }), ...(extra && { extra }) };
}

function accessStatus(call: KindCall, review: Obj, user: User): Json {
  const { resourceAttributes: resource, nonResourceAttributes: other } = review.spec ?? {};
  if (!resource === !other) {
    throw refusedReview(call, [
      resource && other
        ? invalidField(
            'spec.nonResourceAttributes',
            { Path: other.path ?? '', Verb: other.verb ?? '' },
            'cannot be specified in combination with resourceAttributes',
          )
        : invalidField(
            'spec.resourceAttributes',
            null,
            'exactly one of nonResourceAttributes or resourceAttributes must be specified',
          ),
    ]);
  }
  const asked: Attributes = resource
    ? {
        verb: resource.verb ?? '',
        group: resource.group ?? '',
        resource: resource.resource ?? '',
        ...(resource.subresource && { subresource: resource.subresource }),
        ...(resource.namespace && { namespace: resource.namespace }),
        ...(resource.name && { name: resource.name }),
      }
    : { verb: other.verb ?? '', path: other.path ?? '' };
  const reason = call.context.authorizer.reason(user, asked);
  return reason === undefined ? { allowed: false } : { allowed: true, ...(reason && { reason }) };
}

function rulesStatus(rules: Rule[]): Json {
  const resourceRules = rules
    .filter(({ resources }) => resources?.length)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames?.length && { resourceNames }),
    }));
  const nonResourceRules = rules
    .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  return { resourceRules, nonResourceRules, incomplete: false };
}
