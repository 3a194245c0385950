/** Brings a template to life: resolves its values in dependency order and lets each type's handler make its resource. */
import { ACCOUNT, type Physical, REGION, type ResourceHandler } from '#local/types.ts';
import type { Assembly } from './assembly.ts';
import { resolve, type Scope } from './intrinsics.ts';
import { creationOrder } from './order.ts';
import { parameterValues } from './parameters.ts';
import { isWithoutEffect, withoutEffect } from './without-effect.ts';

/** What became of a template. */
export interface Deployed {
  readonly parameters: Readonly<Record<string, string | readonly string[]>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** By logical id. */
  readonly resources: ReadonlyMap<string, Physical & { readonly type: string }>;
}

/** The physical name of a resource without one of its own: the same at every start. */
export const physicalName = (stackName: string, logicalId: string): string => `${stackName}-${logicalId}`;

/** Refuses types that nothing here answers for, all at once, before anything is made. */
function refuseUnknown({ template }: Assembly, handlers: ReadonlyMap<string, ResourceHandler>): void {
  const unknown = Object.entries(template.Resources)
    .filter(([, { Type }]) => !handlers.has(Type) && !isWithoutEffect(Type))
    .map(([id, { Type }]) => `${Type} (${id})`);
  if (unknown.length > 0)
    throw new Error(
      `the template holds what this machine cannot run: ${unknown.join(', ')}. ` +
        'Leave it out, write a handler in local/resources, or list its type in local/template/without-effect.ts',
    );
}

function pseudo(stackName: string, stackUuid: string): Readonly<Record<string, unknown>> {
  return {
    'AWS::AccountId': ACCOUNT,
    'AWS::Region': REGION,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stackName}/${stackUuid}`,
    'AWS::NotificationARNs': [],
  };
}

export interface DeployOptions {
  /** The last part of the stack's id, other for each deployment. */
  readonly stackUuid: string;
  /** Values of parameters. */
  readonly overrides?: Readonly<Record<string, string | number>> | undefined;
}

/** Makes every resource of the assembly's template. Throws with the logical id where one cannot be made. */
export async function deploy(
  assembly: Assembly,
  handlers: readonly ResourceHandler[],
  { stackUuid, overrides = {} }: DeployOptions,
): Promise<Deployed> {
  const { template, stackName } = assembly;
  const byType = new Map(handlers.map((one) => [one.type, one]));
  refuseUnknown(assembly, byType);
  const parameters = parameterValues(template.Parameters ?? {}, overrides);
  const constants: Readonly<Record<string, unknown>> = { ...pseudo(stackName, stackUuid), ...parameters };
  const resources = new Map<string, Physical & { readonly type: string }>();
  const conditions = new Map<string, boolean>();
  const made = (id: string): Physical & { readonly type: string } => {
    const found = resources.get(id);
    if (found) return found;
    throw new Error(
      Object.hasOwn(template.Resources, id)
        ? `${id} was not made (its condition is false)`
        : `the template has no resource or parameter ${id}`,
    );
  };
  const scope: Scope = {
    ref: (name) => (Object.hasOwn(constants, name) ? constants[name] : made(name).ref),
    attribute(id, name) {
      const { type, attributes = {} } = made(id);
      if (Object.hasOwn(attributes, name)) return attributes[name];
      throw new Error(
        `${id} (${type}) has no attribute ${name} here; it has ${Object.keys(attributes).join(', ') || 'none'}`,
      );
    },
    condition(name) {
      const known = conditions.get(name);
      if (known !== undefined) return known;
      if (!Object.hasOwn(template.Conditions ?? {}, name)) throw new Error(`the template has no condition ${name}`);
      const value = resolve(template.Conditions![name], scope) as boolean;
      conditions.set(name, value);
      return value;
    },
    mapping(map, top, second) {
      const value = template.Mappings?.[map]?.[top]?.[second];
      if (value === undefined) throw new Error(`the template has no mapping ${map}.${top}.${second}`);
      return value;
    },
  };
  const wanted = (name?: string): boolean => name === undefined || scope.condition(name);
  for (const id of creationOrder(template.Resources)) {
    const { Type: type, Properties = {}, Condition } = template.Resources[id]!;
    if (!wanted(Condition)) continue;
    try {
      const handler = byType.get(type);
      const physical = handler
        ? await handler.create({
            logicalId: id,
            type,
            properties: resolve(Properties, scope) as Record<string, unknown>,
          })
        : withoutEffect(type, id, physicalName(stackName, id))!;
      resources.set(id, { ...physical, type });
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(message.startsWith(id) ? message : `${id} (${type}): ${message}`, { cause });
    }
  }
  const outputs = Object.fromEntries(
    Object.entries(template.Outputs ?? {})
      .filter(([, { Condition }]) => wanted(Condition))
      .map(([name, { Value }]) => [name, resolve(Value, scope)]),
  );
  return { parameters, outputs, resources };
}
