/** Acting as somebody else: the Impersonate headers, for users who may. */
import type { Call } from '../call.ts';
import { badRequest } from '../errors.ts';
import { userOf, withGroup } from './authenticate.ts';
import type { Attributes } from './rbac.ts';
import { attributesOf, denied } from './refusal.ts';
import { ANONYMOUS, type User } from './user.ts';

const NODE = 'system:node:';

const header = (value: string | string[] | undefined): string =>
  Array.isArray(value) ? (value[0] ?? '') : (value ?? '');

/** The user whose rights count for this call. Throws 401 and 403. */
export async function requestUser(call: Call): Promise<User> {
  const { headers, context, request } = call;
  const actor = await userOf(request, context.authenticate);
  const name = header(headers['impersonate-user']);
  const groups = allValues(request.rawHeaders, 'impersonate-group');
  const uid = header(headers['impersonate-uid']);
  const extras = Object.entries(headers).filter(([key]) => key.startsWith('impersonate-extra-'));
  if (!name) {
    if (groups.length || uid || extras.length)
      throw badRequest(
        'requested [] without impersonating a user name'.replace(
          '[]',
          `[${groups.map((one) => `{Group  ${one}    }`).join(' ')}]`,
        ),
      );
    return actor;
  }
  const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(name);
  const asked: Attributes[] = [
    account
      ? { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: account[1]!, name: account[2]! }
      : { verb: 'impersonate', group: '', resource: 'users', name },
    ...groups.map((group) => ({ verb: 'impersonate', group: '', resource: 'groups', name: group })),
    ...(uid ? [{ verb: 'impersonate', group: 'authentication.k8s.io', resource: 'uids', name: uid }] : []),
    ...extras.map(([key, value]) => ({
      verb: 'impersonate',
      group: 'authentication.k8s.io',
      resource: 'userextras',
      subresource: key.slice(18),
      name: header(value),
    })),
  ];
  if (!asked.every((attributes) => context.authorizer.allows(actor, attributes))) constrained(call, actor, asked);
  const user: User = {
    name,
    groups: groups.length ? groups : account ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [],
    ...(uid && { uid }),
    ...(extras.length && {
      extra: Object.fromEntries(extras.map(([key, value]) => [decodeURIComponent(key.slice(18)), allOf(value)])),
    }),
  };
  return name === ANONYMOUS.name
    ? { ...user, groups: [...new Set([...user.groups, ...ANONYMOUS.groups])] }
    : withGroup(user);
}

/**
 * Acting as somebody for some requests only (constrained impersonation): the right to do this request as another, and the right to be that other.
 * Throws 403 with the right that is missing.
 */
function constrained(call: Call, actor: User, asked: Attributes[]): void {
  const { authorizer } = call.context;
  const [who] = asked as [Attributes, ...Attributes[]];
  const mode =
    who.resource === 'serviceaccounts' ? 'serviceaccount' : who.name!.startsWith(NODE) ? 'arbitrary-node' : 'user-info';
  const target = attributesOf(call.info);
  const identities = asked.map((one) => ({
    ...one,
    group: 'authentication.k8s.io',
    ...(one === who && mode === 'arbitrary-node' && { resource: 'nodes', name: one.name!.slice(NODE.length) }),
    verb: `impersonate:${mode}`,
  }));
  for (const right of [{ ...target, verb: `impersonate-on:${mode}:${target.verb}` }, ...identities])
    if (!authorizer.allows(actor, right)) throw denied(actor, right);
}

const allOf = (value: string | string[] | undefined): string[] =>
  Array.isArray(value) ? value : value === undefined ? [] : value.split(', ');

/** Node joins repeated headers with commas, which group names may hold. */
function allValues(raw: string[], name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i]!.toLowerCase() === name) found.push(raw[i + 1]!);
  return found;
}
