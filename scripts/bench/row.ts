/** One line of the bench's table: what was measured, the bar of the design, the figures, and whether they are under it. */

/** What is said about a figure; `–` where the design sets no bar. */
export type Verdict = 'ok' | 'MISSED' | '–';

export interface Row {
  readonly what: string;
  readonly bar: string;
  readonly median: string;
  readonly p99: string;
  readonly verdict: Verdict;
  /** How often, on what, compared with what. */
  readonly note: string;
}

/** The value below which the share `q` of the samples lies (nearest rank); NaN without samples. */
export const quantile = (samples: readonly number[], q: number): number => {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
};
export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** `0.45`, `12.3`, `480`: three digits that matter. */
export const digits = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Upper bounds, in the unit of the samples. */
export interface Bar {
  readonly p50?: number;
  readonly p99?: number;
}

const within = (value: number, bound: number | undefined): boolean => bound === undefined || value <= bound;

const barText = ({ p50, p99 }: Bar, unit: string): string =>
  [p50 === undefined ? '' : `p50 ≤ ${p50} ${unit}`, p99 === undefined ? '' : `p99 ≤ ${p99} ${unit}`]
    .filter((part) => part !== '')
    .join(', ') || '–';

/** A row of many samples; `sound: false` is a miss whatever the figures say. */
export const samplesRow = (
  what: string,
  samples: readonly number[],
  unit: string,
  { bar = {}, note = '', sound = true }: { readonly bar?: Bar; readonly note?: string; readonly sound?: boolean } = {},
): Row => {
  const [p50, p99] = [median(samples), quantile(samples, 0.99)];
  const hasBar = bar.p50 !== undefined || bar.p99 !== undefined;
  const good = sound && within(p50, bar.p50) && within(p99, bar.p99);
  return {
    what,
    bar: barText(bar, unit),
    median: `${digits(p50)} ${unit}`,
    p99: `${digits(p99)} ${unit}`,
    verdict: good ? (hasBar ? 'ok' : '–') : 'MISSED',
    note,
  };
};

/** A row of one figure. */
export const figureRow = (
  what: string,
  value: number,
  unit: string,
  { most, note = '', sound = true }: { readonly most?: number; readonly note?: string; readonly sound?: boolean } = {},
): Row => ({
  what,
  bar: most === undefined ? '–' : `≤ ${most} ${unit}`,
  median: `${digits(value)} ${unit}`,
  p99: '',
  verdict: sound && within(value, most) ? (most === undefined ? '–' : 'ok') : 'MISSED',
  note,
});
