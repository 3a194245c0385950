/** Objects of custom kinds: pruned, defaulted and checked against the schema of their definition. */
import type { FieldError } from '../errors.ts';
import type { Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';

export function pruneCustom(_call: { warnings: string[] }, _kind: Kind, _object: Obj, _options: { fieldValidation: string }): void {}
export function customFaults(_kind: Kind, _object: Obj, _old: Obj | undefined): FieldError[] {
  return [];
}
