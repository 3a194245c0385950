/** `authorizer` in CEL: may the one who asks do something else, too? */
import type { Environment } from '@marcbachmann/cel-js';
import type { Attributes, Authorizer } from '../auth/rbac.ts';
import type { User } from '../auth/user.ts';

const PKG = 'kubernetes.authorization';

class Decision {
  readonly reason: string | undefined;
  constructor(reason: string | undefined) {
    this.reason = reason;
  }
}

/** A check under way: what is known of what is asked. */
class Check {
  readonly rights: Authorizer;
  readonly user: User;
  readonly asked: Partial<Attributes>;
  constructor(rights: Authorizer, user: User, asked: Partial<Attributes>) {
    this.rights = rights;
    this.user = user;
    this.asked = asked;
  }
  with(more: Partial<Attributes>): this {
    return new (this.constructor as typeof Check)(this.rights, this.user, { ...this.asked, ...more }) as this;
  }
  decide(verb: string): Decision {
    return new Decision(this.rights.reason(this.user, { ...this.asked, verb }));
  }
}
class PathCheck extends Check {}
class GroupCheck extends Check {}
class ResourceCheck extends Check {}

/** The value of the variable; `own` is what the request itself is about. */
export class AuthorizerValue {
  readonly rights: Authorizer;
  readonly user: User;
  readonly requestResource: ResourceCheck;
  constructor(rights: Authorizer, user: User, own: Partial<Attributes>) {
    this.rights = rights;
    this.user = user;
    this.requestResource = new ResourceCheck(rights, user, own);
  }
}

export const declareAuthorizer = (environment: Environment): Environment =>
  environment
    .registerType(`${PKG}.Decision`, Decision)
    .registerType(`${PKG}.PathCheck`, PathCheck)
    .registerType(`${PKG}.GroupCheck`, GroupCheck)
    .registerType(`${PKG}.ResourceCheck`, ResourceCheck)
    .registerType(`${PKG}.Authorizer`, { ctor: AuthorizerValue, fields: { requestResource: `${PKG}.ResourceCheck` } })
    .registerFunction(
      `${PKG}.Authorizer.path(string): ${PKG}.PathCheck`,
      ({ rights, user }: AuthorizerValue, path: string) => new PathCheck(rights, user, { path }),
    )
    .registerFunction(
      `${PKG}.Authorizer.group(string): ${PKG}.GroupCheck`,
      ({ rights, user }: AuthorizerValue, group: string) => new GroupCheck(rights, user, { group }),
    )
    .registerFunction(
      `${PKG}.Authorizer.serviceAccount(string, string): ${PKG}.Authorizer`,
      ({ rights, requestResource }: AuthorizerValue, namespace: string, name: string) => {
        const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
        return new AuthorizerValue(
          rights,
          { name: `system:serviceaccount:${namespace}:${name}`, groups },
          requestResource.asked,
        );
      },
    )
    .registerFunction(
      `${PKG}.GroupCheck.resource(string): ${PKG}.ResourceCheck`,
      ({ rights, user, asked }: Check, resource: string) => new ResourceCheck(rights, user, { ...asked, resource }),
    )
    .registerFunction(
      `${PKG}.ResourceCheck.subresource(string): ${PKG}.ResourceCheck`,
      (check: Check, subresource: string) => check.with({ subresource }),
    )
    .registerFunction(
      `${PKG}.ResourceCheck.namespace(string): ${PKG}.ResourceCheck`,
      (check: Check, namespace: string) => check.with({ namespace }),
    )
    .registerFunction(`${PKG}.ResourceCheck.name(string): ${PKG}.ResourceCheck`, (check: Check, name: string) =>
      check.with({ name }),
    )
    .registerFunction(`${PKG}.PathCheck.check(string): ${PKG}.Decision`, (check: Check, verb: string) =>
      check.decide(verb),
    )
    .registerFunction(`${PKG}.ResourceCheck.check(string): ${PKG}.Decision`, (check: Check, verb: string) =>
      check.decide(verb),
    )
    .registerFunction(`${PKG}.Decision.allowed(): bool`, ({ reason }: Decision) => reason !== undefined)
    .registerFunction(`${PKG}.Decision.reason(): string`, ({ reason }: Decision) => reason ?? '')
    .registerFunction(`${PKG}.Decision.errored(): bool`, () => false)
    .registerFunction(`${PKG}.Decision.error(): string`, () => '');
