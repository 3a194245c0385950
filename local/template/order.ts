/** In which order a template's resources can be made: each after what it refers to. */
import type { TemplateResource } from './assembly.ts';
import { attributePath, SUB_VARIABLE } from './intrinsics.ts';

/** The names that a value refers to by Ref, Fn::GetAtt and Fn::Sub; parameters and pseudo parameters among them. */
function* references(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* references(one);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
  for (const [key, argument] of Object.entries(value)) {
    if (key === 'Ref' && typeof argument === 'string') yield argument;
    else if (key === 'Fn::GetAtt') yield attributePath(argument)[0];
    else if (key === 'Fn::Sub') {
      const template = Array.isArray(argument) ? String(argument[0]) : String(argument);
      for (const [, literal, name] of template.matchAll(SUB_VARIABLE)) if (!literal) yield name!.split('.')[0]!;
      if (Array.isArray(argument)) yield* references(argument[1]);
    } else yield* references(argument);
  }
}

/** Logical ids, dependencies first; otherwise in the template's order. Throws for a cycle, naming it. */
export function creationOrder(resources: Readonly<Record<string, TemplateResource>>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): void => {
    if (done.has(id)) return;
    if (path.includes(id))
      throw new Error(
        `resources refer to each other in a circle: ${[...path.slice(path.indexOf(id)), id].join(' → ')}`,
      );
    path.push(id);
    const { Properties, DependsOn = [] } = resources[id]!;
    for (const other of [...[DependsOn].flat(), ...references(Properties)])
      if (Object.hasOwn(resources, other)) visit(other as string);
    path.pop();
    done.add(id);
  };
  for (const id of Object.keys(resources)) visit(id);
  return [...done];
}
