/** What an admission is asked about: who does what to which object. */
import type { KindCall } from '../call.ts';
import type { Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** The name of a form in which an object is sent. */
export interface Form {
  group: string;
  version: string;
  kind: string;
}

export interface Attributes {
  call: KindCall;
  kind: Kind;
  operation: Operation;
  /** The object after the write; none after a deletion. */
  object: Obj | undefined;
  /** The object before it; none before a creation. */
  old: Obj | undefined;
  /** Empty for the main resource. */
  subresource: string;
  dryRun: boolean;
  /** What a subresource takes, where that is another kind of object. */
  form?: Form;
}

/** Where the object of a request lies, whether it comes or goes; what a subresource takes lies where its path says. */
export function placeOf({ call, object, old, subresource }: Attributes): {
  name: string;
  namespace: string | undefined;
} {
  if (subresource !== '') return { name: call.info.name ?? '', namespace: call.info.namespace };
  const { name, namespace } = (object ?? old)!.metadata;
  return { name, namespace };
}
