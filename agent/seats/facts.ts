/** What is kept of the objects around seats: enough to judge them, and no more (500 seats in 100 MB). */
import * as z from 'zod';
import { SeatSpec, SeatStatus } from '#core/contract/seat.ts';
import {
  BREAK_GLASS_ANNOTATION,
  DEPLOYMENT_LABEL,
  MANAGED,
  OWNER_LABEL,
  TEAM_LABEL,
  WORKSPACE_LABEL,
} from '#core/domain/seat/names.ts';
import type { Item } from '../kubernetes/client.ts';
import { type Known, knownOf } from '../kubernetes/mirror.ts';
import { hashOf, printOf } from '../kubernetes/print.ts';
import { ANNOTATION } from './names.ts';

/** An object that we write. */
export interface Written extends Known {
  readonly kind: string;
  /** The seat that it belongs to, by the name of its objects; absent for what belongs to the namespace. */
  readonly seat?: string;
  /** What the whole object says, as the server has it. */
  readonly print: string;
  /** Print of what was rendered when we wrote it last. */
  readonly rendered?: string;
  readonly managed: boolean;
}

interface Stored extends Item {
  readonly [field: string]: unknown;
}

export const writtenOf =
  (kind: string) =>
  (object: Item): Written => {
    const { labels, annotations } = object.metadata;
    const seat = labels?.[WORKSPACE_LABEL];
    const rendered = annotations?.[ANNOTATION.rendered];
    return {
      ...knownOf(object),
      kind,
      print: printOf(object as Stored),
      managed: labels?.[MANAGED] !== undefined,
      ...(seat === undefined ? {} : { seat }),
      ...(rendered === undefined ? {} : { rendered }),
    };
  };

export interface NamespaceFacts extends Written {
  /** The team whose namespace it is; absent where Roadstead did not make it. */
  readonly team?: string;
  readonly deployment?: string;
}

export const namespaceOf = (object: Item): NamespaceFacts => {
  const { labels } = object.metadata;
  const [team, deployment] = [labels?.[TEAM_LABEL], labels?.[DEPLOYMENT_LABEL]];
  return {
    ...writtenOf('Namespace')(object),
    ...(team === undefined ? {} : { team }),
    ...(deployment === undefined ? {} : { deployment }),
  };
};

interface Claim extends Item {
  readonly spec?: {
    readonly volumeName?: string;
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}

export interface ClaimFacts extends Known {
  readonly seat?: string;
  readonly phase: string;
  readonly requested: string;
  readonly capacity?: string;
  readonly storageClass?: string;
  /** It has a volume: its spec can no longer be replaced, only grown. */
  readonly bound: boolean;
  /** Whose files it holds. */
  readonly owner?: string;
}

export const claimOf = (object: Claim): ClaimFacts => {
  const { [WORKSPACE_LABEL]: seat, [OWNER_LABEL]: owner } = object.metadata.labels ?? {};
  const { spec, status } = object;
  return {
    ...knownOf(object),
    phase: status?.phase ?? 'Pending',
    requested: spec?.resources?.requests?.storage ?? '0',
    bound: (spec?.volumeName ?? '') !== '',
    ...(seat === undefined ? {} : { seat }),
    ...(owner === undefined ? {} : { owner }),
    ...(status?.capacity?.storage === undefined ? {} : { capacity: status.capacity.storage }),
    ...(spec?.storageClassName === undefined ? {} : { storageClass: spec.storageClassName }),
  };
};

/** Conditions as the custom resource keeps them: with the time of their change. */
const Kept = SeatStatus.partial().extend({
  conditions: z
    .array(
      z.object({
        type: z.string(),
        status: z.enum(['True', 'False', 'Unknown']),
        reason: z.string(),
        message: z.string(),
        lastTransitionTime: z.string(),
      }),
    )
    .default([]),
});
export type KeptStatus = z.output<typeof Kept>;

export interface WorkspaceFacts extends Known {
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent when the resource says something that this agent does not understand; `invalid` says what. */
  readonly spec?: SeatSpec;
  readonly invalid?: string;
  readonly origin: 'ControlPlane' | 'Cluster';
  /** The reason that was given for changing a spec of the control plane by hand. */
  readonly breakGlass?: string;
  /** Hash of the spec that the control plane gave. */
  readonly given?: string;
  readonly status?: KeptStatus;
}

interface WorkspaceObject extends Item {
  readonly spec?: { readonly origin?: string };
  readonly status?: unknown;
}

/** Two specs say the same: defaults are filled in before they are compared. */
export const specHash = (spec: SeatSpec): string => hashOf(spec);

export const workspaceOf = (object: WorkspaceObject): WorkspaceFacts => {
  const { labels = {}, annotations = {}, generation = 0 } = object.metadata;
  const spec = SeatSpec.safeParse(object.spec);
  const status = Kept.safeParse(object.status);
  const breakGlass = annotations[BREAK_GLASS_ANNOTATION];
  const given = annotations[ANNOTATION.given];
  return {
    ...knownOf(object),
    generation,
    labels,
    origin: object.spec?.origin === 'Cluster' ? 'Cluster' : 'ControlPlane',
    ...(spec.success
      ? { spec: spec.data }
      : { invalid: spec.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') }),
    ...(breakGlass ? { breakGlass } : {}),
    ...(given === undefined ? {} : { given }),
    ...(status.success && object.status !== undefined ? { status: status.data } : {}),
  };
};
