/** Why a dev pod is not running, in words that a person can act on: one sentence a reason (kubernetes.md finding 20). */
import { safeText } from '../../contract/safe-text.ts';

export const REASONS = {
  Running: 'The dev pod runs.',
  Stopped: 'The dev pod is stopped and its volumes are kept: start it to go on.',
  Idle: 'It was idle for longer than its idle timeout and was stopped; its volumes are kept: start it to go on, or raise spec.restarts where it was applied in the cluster.',
  Deleting:
    "It is being deleted and not all of it is gone: the cluster's admin can free what holds it; once the delete has failed it can be forgotten.",
  Stopping: 'The dev pod is ending; it has a minute to save its work.',
  Starting: 'The dev pod is being created.',
  Restarting: 'The old pod is ending; the new one starts when its volumes are free.',
  NotReady:
    'The container runs and does not answer on port 2222 yet: its image must start sshd there; its log says more.',
  ImagePull:
    "The image cannot be pulled: check its name and that this cluster may read it (the Secret roadstead-pull in the team's namespace, pullSecret in the profile).",
  Unschedulable:
    'No node has room for this dev pod: ask for less CPU, memory or GPUs, stop another one, or have nodes added.',
  ZoneFull:
    'Its volume lies in a zone where no node has room: stop another dev pod there, or have nodes added in that zone.',
  QuotaExceeded:
    "The team's quota in this cluster is used up: stop or delete another dev pod, or have ceilings.team in roadstead-policy raised.",
  LimitRange: 'A limit range of the namespace refuses these amounts: ask for amounts within it.',
  PodSecurity:
    "Pod Security refuses the pod; nothing of Roadstead's asks for what it forbids, so something in the cluster changes pods: its admin can find out what.",
  PolicyRefused: "This cluster's admin does not allow this: choose another image, size or cluster, or ask the admin.",
  PolicyInvalid:
    "The ConfigMap roadstead-policy cannot be read, so no dev pod starts: the cluster's admin must mend it.",
  ProfileInvalid:
    "The profile cannot be used: choose another one, or have the cluster's admin mend it in roadstead-policy.",
  SpecInvalid: 'The agent does not understand this Workspace: correct it, or bring the agent up to date.',
  NoStorageClass:
    'The cluster has no storage class for the volumes: its admin can make one the default, or name one in the profile.',
  VolumePending: 'A volume is not there yet: it is being made, or it is still attached to the node that had it before.',
  VolumeLost:
    "A volume is lost: its claim is there and what it held is gone. The cluster's admin may restore it; else delete the dev pod.",
  VolumeNotGrown:
    'A volume could not grow: its storage class does not allow it, or a quota is used up. Its files are untouched.',
  VolumeConflict:
    'A claim of this name belongs to someone else, and is never given away: the dev pod is not started with it.',
  ContainerConfig: 'The container cannot be made from what it was given: change the image or the settings.',
  CrashLoop: 'The container ends again and again: look at its last lines, then change the image or the parameters.',
  OOMKilled: 'It needed more memory than its limit and was ended: raise the memory limit, or run less at once.',
  Evicted:
    'Its node ran short of memory or disk and put it out; it starts again elsewhere. Volumes are kept, /tmp is lost.',
  NodeReplaced: 'Its node was replaced or lost; it starts again on another one with the same volumes.',
  NamespaceConflict:
    "A namespace of the team's name is there that Roadstead did not make, and it is never taken over: rename or remove it.",
  NamespaceUnmanaged:
    'Dev pods live in namespaces that Roadstead made: apply the Workspace in the namespace of its team.',
  SecretsUnavailable: 'Its secrets could not be fetched from the control plane: it starts as soon as they can.',
  AgentOffline:
    "The cluster's agent does not answer: what is wanted is carried out when it is back; the dev pod itself may be running.",
} as const;
export type Reason = keyof typeof REASONS;

export interface Explanation {
  readonly reason: Reason;
  readonly message: string;
}

/** The sentence of a reason, with Kubernetes' or a tenant's own words behind it, made safe to show. */
export const explain = (reason: Reason, detail?: string | undefined): Explanation => {
  const more = detail?.trim();
  return { reason, message: safeText(more ? `${REASONS[reason]} (${more})` : REASONS[reason]) };
};

/** A word of one of Kubernetes' refusals, and what it means. */
const TEXTS: readonly (readonly [RegExp, Reason])[] = [
  [/exceeded quota|must specify (limits|requests)/i, 'QuotaExceeded'],
  [/violates PodSecurity/i, 'PodSecurity'],
  [/ValidatingAdmissionPolicy|denied the request|denied request/i, 'PolicyRefused'],
  [/(maximum|minimum|max|min) \S+ (usage|limit|request)|limit to request ratio/i, 'LimitRange'],
  [/RuntimeClass|runtimeclass/, 'ProfileInvalid'],
  [/no storage class is set|storageclass\S* "[^"]*" not found/i, 'NoStorageClass'],
  [/volume node affinity conflict/i, 'ZoneFull'],
  [/unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]*" (not found|bound to)/i, 'VolumePending'],
];

/** What a refusal in Kubernetes' words means. */
export const reasonOfText = (text: string): Reason | undefined => TEXTS.find(([pattern]) => pattern.test(text))?.[1];
