/** Switches event source mappings on and off; each keeps its place. */
import { type MappingDeclaration, type MappingDeps, type RunningMapping, startMapping } from './mapping.ts';

export interface Mappings {
  /** One by its logical id, or all. */
  switch(on: boolean, logicalId?: string): Promise<void>;
}

export function createMappings(
  { mappings }: { readonly mappings: readonly MappingDeclaration[] },
  deps: MappingDeps,
): Mappings {
  const running = new Map<string, RunningMapping>();
  return {
    async switch(on, logicalId) {
      const meant = mappings.filter((one) => logicalId === undefined || one.logicalId === logicalId);
      if (logicalId !== undefined && meant.length === 0)
        throw new Error(`no mapping ${logicalId}; there are ${mappings.map((one) => one.logicalId).join(', ')}`);
      for (const one of meant) {
        const found = running.get(one.logicalId);
        if (on && !found) running.set(one.logicalId, startMapping(one, deps));
        if (on || !found) continue;
        running.delete(one.logicalId);
        await found.stop();
      }
    },
  };
}
