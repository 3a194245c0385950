/** Whether a user may do what a request asks, and the words of the refusal. */
import { StatusError } from '../errors.ts';
import type { RequestInfo } from '../http/request.ts';
import type { Attributes, Authorizer } from './rbac.ts';
import type { User } from './user.ts';

export function attributesOf(info: RequestInfo): Attributes {
  if (!info.resourceRequest)
    return { verb: info.method === 'HEAD' ? 'head' : info.method.toLowerCase(), path: info.path };
  return {
    verb: info.verb,
    group: info.group,
    version: info.version,
    resource: info.resource,
    ...(info.subresource && { subresource: info.subresource }),
    ...(info.namespace && { namespace: info.namespace }),
    ...(info.name && { name: info.name }),
  };
}

/** The 403, or undefined when it is allowed. */
export function refusal(authorizer: Authorizer, user: User, info: RequestInfo): StatusError | undefined {
  const asked = attributesOf(info);
  if (authorizer.allows(user, asked)) return undefined;
  return denied(user, asked);
}

export function denied(user: User, asked: Attributes): StatusError {
  const who = JSON.stringify(user.name);
  if (asked.path !== undefined) {
    return new StatusError(
      403,
      'Forbidden',
      `forbidden: User ${who} cannot ${asked.verb} path ${JSON.stringify(asked.path)}`,
      {},
    );
  }
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource!;
  const where = asked.namespace ? `in the namespace ${JSON.stringify(asked.namespace)}` : 'at the cluster scope';
  const about = asked.group ? `${asked.resource}.${asked.group}` : asked.resource;
  const named = asked.name ? `${about} ${JSON.stringify(asked.name)}` : about;
  return new StatusError(
    403,
    'Forbidden',
    `${named} is forbidden: User ${who} cannot ${asked.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(asked.group ?? '')} ${where}`,
    { ...(asked.name && { name: asked.name }), ...(asked.group && { group: asked.group }), kind: asked.resource! },
  );
}
