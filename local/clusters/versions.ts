/** The Kubernetes versions that EKS offers, with the dates of their support (endoflife.date/amazon-eks, November 2026). */

/** One version as DescribeClusterVersions answers it; dates are days. */
export interface Version {
  readonly version: string;
  readonly released: string;
  readonly standardUntil: string;
  readonly extendedUntil: string;
  readonly patch: string;
  readonly isDefault: boolean;
}

/** Oldest first. */
export const VERSIONS: readonly Version[] = [
  {
    version: '1.33',
    released: '2025-05-29',
    standardUntil: '2026-07-29',
    extendedUntil: '2027-07-29',
    patch: '1.33.8',
    isDefault: false,
  },
  {
    version: '1.34',
    released: '2025-10-02',
    standardUntil: '2026-12-02',
    extendedUntil: '2027-12-02',
    patch: '1.34.5',
    isDefault: false,
  },
  {
    version: '1.35',
    released: '2026-01-27',
    standardUntil: '2027-03-27',
    extendedUntil: '2028-03-27',
    patch: '1.35.3',
    isDefault: true,
  },
  {
    version: '1.36',
    released: '2026-06-02',
    standardUntil: '2027-08-02',
    extendedUntil: '2028-08-02',
    patch: '1.36.1',
    isDefault: false,
  },
];

/** Standard support, then extended (dearer), then none. */
export type Support = 'STANDARD_SUPPORT' | 'EXTENDED_SUPPORT' | 'UNSUPPORTED';

/** The support that a version has at a time (epoch milliseconds). */
export function supportOf(it: Version, now: number): Support {
  if (now < Date.parse(it.standardUntil)) return 'STANDARD_SUPPORT';
  return now < Date.parse(it.extendedUntil) ? 'EXTENDED_SUPPORT' : 'UNSUPPORTED';
}
