/** CustomResourceDefinitions at work (a first form). */
import type { Context } from '../call.ts';

export function customResources(_context: Context): { start(): void; stop(): void } {
  return { start() {}, stop() {} };
}
