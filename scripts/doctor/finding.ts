/** What a check found, and how findings are shown. */

export interface Finding {
  readonly what: string;
  readonly found: string;
  /** `warn` lets everything start; `fail` does not. */
  readonly level: 'ok' | 'warn' | 'fail';
  /** What to do; nothing when all is well. */
  readonly todo?: string;
}

/** A check that is well, or tells what to do. */
export const judge = (
  what: string,
  found: string,
  well: boolean,
  todo: string,
  otherwise: 'warn' | 'fail' = 'fail',
): Finding => (well ? { what, found, level: 'ok' } : { what, found, level: otherwise, todo });

const MARK = { ok: '✓', warn: '!', fail: '✗' } as const;

/** One line a finding: what, found, what to do. */
export const linesOf = (findings: readonly Finding[]): string[] => {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings.map(
    ({ what, found, level, todo }) =>
      `${MARK[level]} ${what.padEnd(width)}  ${found}${todo === undefined ? '' : `  → ${todo}`}`,
  );
};

/** 1 when something must be done first. */
export const exitCodeOf = (findings: readonly Finding[]): 0 | 1 =>
  findings.some(({ level }) => level === 'fail') ? 1 : 0;
