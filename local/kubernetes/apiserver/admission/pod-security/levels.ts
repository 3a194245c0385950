/** What the labels of a namespace say about its pods, and what of a pod violates a level. */
import { type FieldError, invalidField } from '../../errors.ts';
import type { Obj } from '../../json.ts';
import { BASELINE, type Check, capabilities, hostPaths, seccomp } from './baseline.ts';
import type { PodLike, Violation } from './containers.ts';
import { RESTRICTED } from './restricted.ts';

export const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];
export type Mode = 'enforce' | 'audit' | 'warn';

export interface Standard {
  level: Level;
  /** `latest` or `v1.25`. */
  version: string;
}

const PREFIX = 'pod-security.kubernetes.io/';
const VERSION = /^(latest|v1\.(\d+))$/;
const isLevel = (text: string): text is Level => (LEVELS as readonly string[]).includes(text);

/** The standard of a mode. Labels that make no sense count as the strictest, so that a slip of the pen opens nothing. */
export function standardOf(namespace: Obj, mode: Mode): Standard {
  const labels = namespace.metadata.labels ?? {};
  const level = labels[`${PREFIX}${mode}`] ?? 'privileged';
  const version = labels[`${PREFIX}${mode}-version`] ?? 'latest';
  return { level: isLevel(level) ? level : 'restricted', version: VERSION.test(version) ? version : 'latest' };
}

export const shownStandard = ({ level, version }: Standard): string => `${level}:${version}`;

/** Faults of the labels themselves. */
export function labelFaults(namespace: Obj): FieldError[] {
  const labels = namespace.metadata.labels ?? {};
  return (['enforce', 'audit', 'warn'] as const).flatMap((mode) => {
    const [level, version] = [labels[`${PREFIX}${mode}`], labels[`${PREFIX}${mode}-version`]];
    const field = (suffix: string) => `metadata.labels[${PREFIX}${mode}${suffix}]`;
    return [
      ...(level === undefined || isLevel(level)
        ? []
        : [invalidField(field(''), level, `must be one of ${LEVELS.join(', ')}`)]),
      ...(version === undefined || VERSION.test(version)
        ? []
        : [invalidField(field('-version'), version, 'must be "latest" or "v1.x"')]),
    ];
  });
}

/** Those of `baseline` that `restricted` has in a stricter form are not asked twice. */
const STRICTER = new Set<Check>([capabilities, hostPaths, seccomp]);
const CHECKS: Record<Level, Check[]> = {
  privileged: [],
  baseline: BASELINE,
  restricted: [...BASELINE.filter((check) => !STRICTER.has(check)), ...RESTRICTED],
};

export function violations(pod: PodLike, { level, version }: Standard): Violation[] {
  const minor = Number(VERSION.exec(version)?.[2] ?? Number.POSITIVE_INFINITY);
  return CHECKS[level].filter(({ since }) => since <= minor).flatMap((check) => check.find(pod, minor) ?? []);
}

export const detailOf = (found: Violation[]): string =>
  found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');
