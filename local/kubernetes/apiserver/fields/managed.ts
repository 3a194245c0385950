/** Field management of plain writes: who set which field (a first form, without tracking). */
import type { Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';

export interface Manager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
}

export function managed(_kind: Kind, old: Obj | undefined, next: Obj, _manager: Manager): void {
  if (old?.metadata.managedFields) next.metadata.managedFields = old.metadata.managedFields;
}
