/** What an admission is asked about: who does what to which object. */
import type { KindCall } from '../call.ts';
import type { Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

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
}

/** The object that a request is about, whether it comes or goes. */
export const subjectOf = ({ object, old }: Attributes): Obj => (object ?? old)!;
