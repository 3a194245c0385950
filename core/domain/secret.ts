/** What is kept of a secret: names and versions in the open, values sealed. */
export interface SecretState {
  readonly entity: 'Secret';
  /** `<holder>/<name>` */
  readonly id: string;
  /** Every commit. */
  readonly version: number;
  /** `acc_…` or `team_…`: whose it is. */
  readonly holder: string;
  readonly name: string;
  /** The newest value's number: what seats name. */
  readonly latest: number;
  /** Sealed values by their number: the newest and the one before, so that a seat that is being changed finds its own. */
  readonly sealed: Readonly<Record<string, string>>;
  /** When the sweeper looks whether the newest value is named by the seats that use it; gone when that is so. */
  readonly renewAt?: string | undefined;
  readonly updatedAt: string;
  readonly updatedBy: string;
}

/** Is it a person's own, rather than a team's? */
export const isPersonal = ({ holder }: Pick<SecretState, 'holder'>): boolean => holder.startsWith('acc_');
