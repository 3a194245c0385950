/** What one bench is, and what it is given: a product that is started once for all that want it, and whatever must end with the run. */
import type { Product } from './product.ts';
import type { Row } from './row.ts';

export interface BenchContext {
  /** Smaller counts: a look at whether everything runs, not figures to keep. */
  readonly quick: boolean;
  /** One product for all benches, started by the first that asks. */
  product(): Promise<Product>;
  /** Runs at the end, last first, also after a failure. */
  defer(end: () => Promise<void> | void): void;
}

export interface Bench {
  readonly name: string;
  run(context: BenchContext): Promise<readonly Row[]>;
}
