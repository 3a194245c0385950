/** The PersistentVolumeClaimResize admission: a claim grows only where the class of its volume can make it grow. */
import { forbidden } from '../errors.ts';
import type { Obj } from '../json.ts';
import { subjectOf } from '../kinds/kind.ts';
import { keyOf } from '../storage/store.ts';
import type { Attributes } from './attributes.ts';
import { quantityOf } from './quantities.ts';

const WHY =
  'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';

const sizeOf = ({ spec }: Obj): bigint => quantityOf(spec?.resources?.requests?.storage).nano;

export function checkGrowth({ call, kind, operation, object, old, subresource }: Attributes): void {
  if (kind.storage !== 'persistentvolumeclaims' || operation !== 'UPDATE' || subresource !== '') return;
  const claim = object!;
  if (sizeOf(claim) <= sizeOf(old!)) return;
  const name = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName;
  const found = name && call.context.store.get('storage.k8s.io/storageclasses', keyOf(undefined, name))?.object;
  if (!found?.allowVolumeExpansion) throw forbidden(subjectOf(kind), claim.metadata.name, WHY);
}
