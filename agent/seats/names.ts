/** What the agent itself notes on objects, beside the labels of core/domain/seat/names. */
export const ANNOTATION = {
  /** On a Workspace: hash of the spec that the control plane gave, so that an edit by anybody else is seen. */
  given: 'roadstead.dev/given',
  /** On what we write: print of what was rendered, so that drift is told from our own changes after a restart. */
  rendered: 'roadstead.dev/rendered',
} as const;

/** Namespaces that we make are called so; whether one is ours is said by its labels alone. */
export const isTeamNamespace = (name: string): boolean => name.startsWith('rs-');
