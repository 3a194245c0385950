/** IAM of the local AWS: the roles of the template, what they may do, who may assume them, and which keys are theirs. */

import type { Credentials, Iam } from '#local/plugin.ts';
import { ACCOUNT, type ApiRequest, AwsError, type Caller, type Check, REGION } from '#local/types.ts';
import type { Context } from './conditions.ts';
import { openKeyring } from './credentials.ts';
import { type Policy, parsePolicy, type Statement } from './document.ts';
import { evaluate, type Verdict } from './evaluate.ts';
import { managedPolicy, managedPolicyArns } from './managed.ts';
import { verifySignature } from './signature.ts';

interface Role {
  readonly arn: string;
  readonly name: string;
  readonly trust: Policy;
  readonly policies: Policy[];
}

/** A role as a template declares it, values resolved. */
export interface RoleDeclaration {
  readonly name: string;
  /** With slashes at both ends. */
  readonly path: string;
  readonly trust: unknown;
}

/** What the runtime and the resource handlers use beyond what plugins may. */
export interface LocalIam extends Iam {
  addRole(role: RoleDeclaration): string;
  /** Adds an identity policy to a role, by name or ARN. */
  attach(role: string, document: unknown, where: string): void;
  /** Adds an AWS managed policy; an ARN not in the table is refused, but where only an AWS service other than Lambda may assume the role. */
  attachManaged(role: string, policyArn: string): void;
  /** Makes a managed policy of the template known to `attachManaged`. */
  defineManaged(policyArn: string, document: unknown): void;
  /** Sets the resource policy of what has this ARN. */
  setResourcePolicy(arn: string, document: unknown, where: string): void;
  /** Adds one statement to a resource policy (Lambda::Permission). */
  addResourceStatement(arn: string, statement: Readonly<Record<string, unknown>>, where: string): void;
  /** Whether an AWS service may do it: asked of the resource's policy, with the ARN on whose behalf. */
  serviceAllowed(service: string, action: string, resource: string, sourceArn: string): boolean;
  /** What the resource's policy says to a role: `explicitDeny`, `allow` (the account or the role is named) or `implicitDeny`. */
  resourceVerdict(caller: Caller, check: Check, policyOf: string): Verdict;
  /** Condition keys that APIs give context for, before policies are read. */
  knowKeys(keys: readonly string[]): void;
}

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;

/** Whether a statement's `AWS` principals mean this role. */
const names =
  (caller: Caller) =>
  (principals: Statement['principals']): boolean =>
    (principals.AWS ?? []).some((one) => ['*', ACCOUNT, ROOT, caller.roleArn, caller.principalArn].includes(one));

const serviceNamed =
  (service: string) =>
  (principals: Statement['principals']): boolean =>
    (principals.Service ?? []).includes(service) || (principals.AWS ?? []).includes('*');

const callerContext = (caller: Caller): Context => ({
  'aws:PrincipalArn': caller.roleArn,
  'aws:PrincipalAccount': ACCOUNT,
  'aws:PrincipalIsAWSService': 'false',
  'aws:RequestedRegion': REGION,
  // Loopback here, TLS in the cloud: policies that insist on TLS must hold for what runs there.
  'aws:SecureTransport': 'true',
});

/** Opens IAM over `secretFile`; `now` in ms. */
export function createIam(secretFile: string, now: () => number = Date.now): LocalIam {
  const keyring = openKeyring(secretFile);
  const roles = new Map<string, Role>();
  const resourcePolicies = new Map<string, Policy>();
  const extraKeys: string[] = [];
  const ownManaged = new Map<string, unknown>();

  const role = (nameOrArn: string): Role => {
    const found = roles.get(nameOrArn) ?? [...roles.values()].find(({ name }) => name === nameOrArn);
    if (!found) throw new Error(`no role ${nameOrArn} in the template`);
    return found;
  };
  const verdict = (caller: Caller, { action, resource, context = {} }: Check): Verdict =>
    evaluate(roles.get(caller.roleArn)?.policies ?? [], {
      action,
      resource,
      context: { ...callerContext(caller), ...context },
    });

  const session = (roleArn: string, sessionName: string): Caller => ({
    roleArn,
    sessionName,
    principalArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${roleArn.split('/').at(-1)}/${sessionName}`,
  });

  return {
    knowKeys: (keys) => extraKeys.push(...keys),
    addRole({ name, path, trust }) {
      const arn = `arn:aws:iam::${ACCOUNT}:role${path}${name}`;
      roles.set(arn, { arn, name, trust: parsePolicy(trust, `trust of role ${name}`, extraKeys), policies: [] });
      return arn;
    },
    attach: (target, document, where) => void role(target).policies.push(parsePolicy(document, where, extraKeys)),
    attachManaged(target, policyArn) {
      const it = role(target);
      const document = ownManaged.get(policyArn) ?? managedPolicy(policyArn);
      if (document) return void it.policies.push(parsePolicy(document, policyArn, extraKeys));
      const services = it.trust.flatMap(({ principals }) => principals.Service ?? []);
      if (services.length > 0 && !services.includes('lambda.amazonaws.com')) return;
      throw new Error(
        `role ${it.name}: what the managed policy ${policyArn} allows is not known here; known are ${managedPolicyArns.join(', ')}`,
      );
    },
    defineManaged: (policyArn, document) => void ownManaged.set(policyArn, document),
    setResourcePolicy: (arn, document, where) =>
      void resourcePolicies.set(arn, parsePolicy(document, where, extraKeys)),
    addResourceStatement(arn, statement, where) {
      const parsed = parsePolicy({ Statement: [statement] }, where, extraKeys);
      resourcePolicies.set(arn, [...(resourcePolicies.get(arn) ?? []), ...parsed]);
    },
    serviceAllowed(service, action, resource, sourceArn) {
      const context = {
        'aws:SourceArn': sourceArn,
        'aws:SourceAccount': ACCOUNT,
        'aws:PrincipalIsAWSService': 'true',
        'aws:PrincipalServiceName': service,
        'aws:SecureTransport': 'true',
      };
      return (
        evaluate([resourcePolicies.get(resource) ?? []], {
          action,
          resource,
          context,
          principal: serviceNamed(service),
        }) === 'allow'
      );
    },
    resourceVerdict: (caller, { action, resource, context = {} }, policyOf) =>
      evaluate([resourcePolicies.get(policyOf) ?? []], {
        action,
        resource,
        context: { ...callerContext(caller), ...context },
        principal: names(caller),
      }),
    allowed: (caller, check) => verdict(caller, check) === 'allow',
    authorize(caller, check, denied = { code: 'AccessDeniedException', status: 400 }) {
      const found = verdict(caller, check);
      if (found === 'allow') return;
      const because =
        found === 'explicitDeny'
          ? 'with an explicit deny in an identity-based policy'
          : `because no identity-based policy allows the ${check.action} action`;
      throw new AwsError(
        denied.code,
        `User: ${caller.principalArn} is not authorized to perform: ${check.action} on resource: ${check.resource} ${because}`,
        denied.status,
      );
    },
    trusts(roleArn, assumer, action, context = {}) {
      const it = roles.get(roleArn);
      if (!it) return false;
      const isCaller = 'caller' in assumer;
      const principal = isCaller ? names(assumer.caller) : serviceNamed(assumer.service);
      const given = isCaller ? callerContext(assumer.caller) : { 'aws:SourceAccount': ACCOUNT };
      return evaluate([it.trust], { action, context: { ...given, ...context }, principal }) === 'allow';
    },
    hasRole: (roleArn) => roles.has(roleArn),
    session,
    issue: (roleArn, sessionName, seconds): Credentials => keyring.issue(roleArn, sessionName, now() + seconds * 1000),
    async authenticate(request: ApiRequest) {
      const { roleArn, sessionName } = await verifySignature(keyring, request, now());
      // A role of an earlier run that the template no longer holds.
      if (!roles.has(roleArn))
        throw new AwsError(
          'UnrecognizedClientException',
          'The security token included in the request is invalid.',
          403,
        );
      return session(roleArn, sessionName);
    },
  };
}
