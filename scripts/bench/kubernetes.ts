/** The embedded Kubernetes alone, beside a real one where KUBEBUILDER_ASSETS names its binaries. */
import { ASSETS_VARIABLE } from '#local/kubernetes/real/assets.ts';
import type { Bench } from './bench.ts';
import { AT_ONCE, type Figures, measure, type Sizes } from './kubernetes-figures.ts';
import { digits, figureRow, median, type Row, samplesRow } from './row.ts';

const SIZES: Sizes = { starts: 5, pods: 5_000, lists: 10, watchers: 100, changes: 60, applies: 200 };
const QUICK: Sizes = { starts: 1, pods: 100, lists: 3, watchers: 10, changes: 10, applies: 10 };
/** ms */
const READY = 500;

/** `; the real one 4.20 ms (×0.31)`: the ratio is ours to its. */
const beside = (ours: number, real: number | undefined, unit: string): string =>
  real === undefined ? '' : `; the real one ${digits(real)} ${unit} (×${(ours / real).toFixed(2)})`;

/** Rows of the embedded one; each but the start must not be slower than the real one of the same run. */
function rowsOf(ours: Figures, real: Figures | undefined, { pods, watchers }: Sizes): Row[] {
  const name = (what: string) => `embedded Kubernetes: ${what}`;
  const samples = (what: string, of: (figures: Figures) => readonly number[], note: string, sound = true): Row => {
    const its = real && median(of(real));
    return samplesRow(name(what), of(ours), 'ms', {
      sound,
      ...(its !== undefined && { bar: { p50: its } }),
      note: note + beside(median(of(ours)), its, 'ms'),
    });
  };
  const [readied, memory] = [median(ours.ready), ours.memory];
  return [
    figureRow(name('start to ready'), readied, 'ms', {
      most: READY,
      note: `median of ${ours.ready.length} on new folders; ${digits(ours.resumed)} ms on that of ${pods} pods${beside(readied, real && median(real.ready), 'ms')}`,
    }),
    figureRow(name('creates of pods'), ours.createsPerSecond, '/s', {
      sound: real === undefined || ours.createsPerSecond >= real.createsPerSecond,
      note: `${pods}, ${AT_ONCE} at a time${beside(ours.createsPerSecond, real?.createsPerSecond, '/s')}`,
    }),
    samples(`list of ${pods} pods`, ({ lists }) => lists, `${ours.lists.length} lists, read and parsed`),
    samples(
      `create → event, ${watchers} watchers`,
      ({ events }) => events,
      `from the request, at each watcher, all in one process; ${ours.missed} missed`,
      ours.missed === 0,
    ),
    samples('apply of an unchanged object', ({ applies }) => applies, `${ours.applies.length} server-side applies`),
    figureRow(name(`resident memory with ${pods} pods`), memory.full, 'MiB', {
      sound: real === undefined || memory.full <= real.memory.full,
      note: `all its processes; ${digits(memory.empty)} MiB when it was ready${beside(memory.full, real?.memory.full, 'MiB')}`,
    }),
  ];
}

export const kubernetes: Bench = {
  name: 'kubernetes',
  async run(context) {
    const sizes = context.quick ? QUICK : SIZES;
    const assets = process.env[ASSETS_VARIABLE];
    const ours = await measure('', sizes, context);
    return rowsOf(ours, assets ? await measure(assets, sizes, context) : undefined, sizes);
  },
};
